/* Lookup, operands, kernel choice and driver order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device/device.h"

static void isa_names_parse_and_cap(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    uint64_t bits = 77;
    assert_int_equal(hn_isa_parse(&env, "generic", &bits), HN_OK);
    assert_int_equal(bits, 0);
    assert_int_equal(hn_isa_parse(&env, "avx512", &bits), HN_OK);
    assert_int_equal(bits, HN_ISA_AVX2 | HN_ISA_AVX512);
    assert_string_equal(hn_isa_name(bits), "avx512");
    assert_int_equal(hn_isa_parse(&env, "auto", &bits), HN_OK);
    assert_true((bits & HN_ISA_BF16) != 0);
    assert_string_equal(hn_isa_name(0), "generic");
    assert_string_equal(hn_isa_name(HN_ISA_AVX2), "avx2");
    assert_int_equal(hn_isa_parse(&env, "sse9", &bits), HN_INPUT);
    assert_non_null(strstr(env.error.text, "sse9"));
    assert_true(env.error.hint[0] != '\0');
}

static void machine_is_plausible(void **state)
{
    (void)state;
    hn_machine m;
    hn_machine_read(&m);
    assert_true(m.cores >= 1);
    assert_true(m.l1d_bytes >= 4096 && m.l1d_bytes <= (1u << 20));
    assert_true(m.l2_bytes >= m.l1d_bytes);
    assert_true(m.cpu[0] != '\0');
    /* every level includes the ones below it */
    if (m.isa & HN_ISA_AVX512) assert_true((m.isa & HN_ISA_AVX2) != 0);
    if (m.isa & (HN_ISA_VNNI | HN_ISA_BF16)) assert_true((m.isa & HN_ISA_AVX512) != 0);
#if defined(__x86_64__)
    assert_int_equal((m.isa & HN_ISA_AVX2) != 0, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    assert_int_equal((m.isa & HN_ISA_AVX512) != 0,
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512f"));
#endif
}

static void names_are_unique_and_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < hn_kernel_count; i++)
        assert_ptr_equal(hn_kernel_find(hn_kernel_rows[i]->name), hn_kernel_rows[i]);
    for (size_t i = 0; i < hn_driver_count; i++)
        assert_ptr_equal(hn_driver_find(hn_driver_rows[i]->name), hn_driver_rows[i]);
    assert_null(hn_kernel_find("nothing"));
    assert_null(hn_driver_find("nothing"));
}

static void operands_keep_their_order(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_value a = {.id = 1}, y = {.id = 2};
    hn_value *in[] = {&a, NULL}, *out[] = {&y};
    static const hn_op op = {.name = "Nothing", .domain = "test"};
    hn_node node = {.op = &op, .in = in, .nin = 2, .out = out, .nout = 1};
    hn_lower c = {.env = &env, .arena = &arena, .node = &node};
    void *data;
    assert_int_equal(hn_lower_input(&c, 0), 0);
    assert_int_equal(hn_lower_input(&c, 1), 1);
    assert_int_equal(hn_lower_input(&c, 9), 2);
    assert_int_equal(hn_lower_output(&c, 0), 3);
    for (int i = 4; i < 40; i++) {
        assert_int_equal(hn_lower_const(&c, 100, &data), i);
        assert_int_equal((uintptr_t)data % 64, 0);
    }
    assert_ptr_equal(c.operands[0].value, &a);
    assert_null(c.operands[1].value);
    assert_null(c.operands[2].value);
    assert_ptr_equal(c.operands[3].value, &y);
    assert_true(c.operands[3].written);
    assert_int_equal(c.operands[39].bytes, 100);
    assert_non_null(hn_lower_params(&c, 4096));
    assert_null(hn_lower_params(&c, 1));
    assert_int_equal(env.error.status, HN_BUG);
    assert_int_equal(hn_lower_refuse(&c, "axis %d", 3), HN_OK);
    assert_true(c.refused);
    assert_string_equal(c.reason, "axis 3");

    const hn_driver *d = (const hn_driver *)&op;
    assert_int_equal(hn_device_lower(&c, &d, NULL, NULL), HN_OK);
    assert_null(d);
    assert_string_equal(c.reason, "no driver for test.Nothing");
    assert_int_equal(c.noperands, 0);
    hn_arena_fini(&env, &arena);
}

static void best_kernel_within_the_isa_wins(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        hn_lower c = {.env = &env, .isa = k->isa};
        const hn_kernel *best = hn_lower_kernel(&c, k->family, k->variant, k->flags);
        assert_non_null(best);
        assert_int_equal(best->isa & ~k->isa, 0);
        assert_true(best->rank >= k->rank);
        assert_int_equal(c.nkernels, 1);
        assert_ptr_equal(c.kernels[0], best);
    }
    hn_lower c = {.env = &env, .isa = ~UINT64_C(0)};
    assert_null(hn_lower_kernel(&c, "no such family", -1, 0));
    assert_int_equal(c.nkernels, 0);
}

static void instruction_sets_alone_are_the_same(void **state)
{
    (void)state;
    hn_machine m;
    hn_machine_read(&m);
    assert_true(hn_machine_isa() == m.isa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instruction_sets_alone_are_the_same),
        cmocka_unit_test(isa_names_parse_and_cap),
        cmocka_unit_test(machine_is_plausible),
        cmocka_unit_test(names_are_unique_and_found),
        cmocka_unit_test(operands_keep_their_order),
        cmocka_unit_test(best_kernel_within_the_isa_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
