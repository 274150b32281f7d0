# count_tests: cases in ctest's LastTest.log. A cmocka case counts by itself; it counts as skipped when cmocka says so or when it
# printed a line starting "SKIP ". A program without cmocka cases counts as one. A case that began and did not end has failed.
function close_case() {
    if (!open_case) return
    open_case = 0
    cases++
    if (state == "ok" && !said_skip) passed++
    else if (state == "ok" || state == "skip") { skipped++; skips[name "  " case_name] = said_skip }
    else { failed++; bad++ }
}
function close_test() {
    if (!in_test) return
    close_case()
    if (cases == 0) {
        if (result == "ok" && !said_skip) passed++
        else if (result == "skip" || result == "ok") { skipped++; skips[name] = said_skip }
        else failed++
    } else if (result == "bad" && bad == 0) {
        failed++ # all cases passed, yet the program did not: a leak or a crash at its end
    }
    in_test = 0
}
/^Unable to find executable: / { missing = 1; next }
/^[0-9]+\/[0-9]+ Testing: / { close_test(); in_test = 1; name = $3; cases = 0; bad = 0; result = "bad"; said_skip = ""; absent = missing; missing = 0; next }
/\[ RUN      \] / { close_case(); open_case = 1; state = "bad"; said_skip = ""; sub(/.*\[ RUN      \] /, ""); case_name = $0; next }
/^SKIP / { said_skip = said_skip == "" ? $0 : said_skip; next }
open_case && /\[       OK \] / { state = "ok"; close_case(); said_skip = ""; next }
open_case && /\[  SKIPPED \] / { state = "skip"; close_case(); said_skip = ""; next }
open_case && /\[  FAILED  \] / { close_case(); said_skip = ""; next }
/^Test Passed\.$/ { result = absent ? "bad" : "ok"; next }
/^Test (Skipped|Not Run)/ { result = "skip"; next }
END {
    close_test()
    if (rc != 0 && failed == 0) failed = 1 # ctest knows of a failure that left no trace in the log
    for (s in skips) printf "skipped: %s%s\n", s, skips[s] == "" ? "" : "  (" skips[s] ")"
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
}
