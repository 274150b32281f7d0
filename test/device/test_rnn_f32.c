/* rnn_f32: LSTM and GRU in every direction and layout, with and without bias and initial state, against the reference
 * rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/drive.h"

static void ok(hn_status st)
{
    assert_int_equal(st, HN_OK);
}

static void check(bool gru, int64_t steps, int64_t batch, int64_t in, int64_t h, int form)
{
    static const char *const DIRECTIONS[] = {"forward", "reverse", "bidirectional"};
    int direction = form % 3, layout = form / 3 & 1, bias = form / 6 & 1, state = form / 12 & 1, linear = form / 24 & 1;
    int64_t dirs = direction == 2 ? 2 : 1, gates = gru ? 3 : 4;
    const int64_t *first = (const int64_t[]){batch, dirs, h}, *last = (const int64_t[]){dirs, batch, h};
    drive d;
    drive_begin(&d, (uint64_t)form);
    drive_rand(&d, false, 3, layout ? (const int64_t[]){batch, steps, in} : (const int64_t[]){steps, batch, in}, -1, 1);
    drive_rand(&d, true, DRIVE_DIMS(dirs, gates * h, in), -0.5, 0.5);
    drive_rand(&d, true, DRIVE_DIMS(dirs, gates * h, h), -0.5, 0.5);
    if (bias)
        drive_rand(&d, true, DRIVE_DIMS(dirs, 2 * gates * h), -1, 1);
    else
        drive_absent(&d);
    if (state) {
        drive_absent(&d);
        drive_rand(&d, false, 3, layout ? first : last, -1, 1);
        if (!gru) drive_rand(&d, false, 3, layout ? first : last, -1, 1);
    }
    hn_node *n = drive_node(&d, gru ? "GRU" : "LSTM", gru ? 2 : 3);
    ok(hn_node_set_string(n, "direction", DIRECTIONS[direction]));
    ok(hn_node_set_int(n, "layout", layout));
    ok(hn_node_set_int(n, "hidden_size", h));
    if (gru) ok(hn_node_set_int(n, "linear_before_reset", linear));
    drive_check(&d, "rnn_f32", 1e-4, 1e-5);
    assert_false(d.unsuitable);
    drive_end(&d);
}

static void lstm_matches(void **state)
{
    (void)state;
    for (int form = 0; form < 24; form++) check(false, 7, 3, 20, 17, form);
    for (int form = 0; form < 24; form++) check(false, 5, 1, 20, 17 + form, form); /* one sample: the step kernel */
    check(false, 3, 1, 20, 200, 14);                                               /* shared between threads */
    check(false, 1, 1, 3, 1, 0);
    check(false, 2, 40, 5, 64, 2);
}

static void gru_matches(void **state)
{
    (void)state;
    for (int form = 0; form < 48; form++) check(true, 6, 3, 11, 19, form);
    for (int form = 0; form < 48; form++) check(true, 5, 1, 11, 17 + form, form);
    check(true, 3, 1, 20, 230, 38);
    check(true, 1, 1, 3, 1, 0);
    check(true, 2, 40, 5, 64, 26);
}

/* Input weights that are the identity: X holds the products. With a bias of the input it is an ordinary product again.
 */
static void identity_weights_match(void **state)
{
    (void)state;
    for (int form = 0; form < 16; form++) {
        bool gru = form & 1, many = form >> 1 & 1, linear = gru && (form >> 2 & 1), bias = form >> 3 & 1;
        int64_t h = 17, gates = gru ? 3 : 4, all = gates * h;
        drive d;
        drive_begin(&d, (uint64_t)form);
        drive_rand(&d, false, DRIVE_DIMS(4, many ? 3 : 1, all), -1, 1);
        hn_tensor *w = drive_rand(&d, true, DRIVE_DIMS(1, all, all), 0, 1);
        for (int64_t i = 0; i < all * all; i++) ((float *)w->data)[i] = i % (all + 1) == 0 ? 1.0f : 0.0f;
        drive_rand(&d, true, DRIVE_DIMS(1, all, h), -0.5, 0.5);
        hn_tensor *b = drive_rand(&d, true, DRIVE_DIMS(1, 2 * all), -1, 1);
        for (int64_t i = 0; i < 2 * all && !bias; i++)
            if (!linear || i < all + 2 * h) ((float *)b->data)[i] = 0;
        hn_node *n = drive_node(&d, gru ? "GRU" : "LSTM", gru ? 2 : 3);
        ok(hn_node_set_int(n, "hidden_size", h));
        if (gru) ok(hn_node_set_int(n, "linear_before_reset", linear));
        drive_check(&d, "rnn_f32", 1e-4, 1e-5);
        assert_false(d.unsuitable);
        drive_end(&d);
    }
}

static void what_it_does_not_know_is_refused(void **state)
{
    (void)state;
    drive d;
    drive_begin(&d, 1);
    drive_rand(&d, false, DRIVE_DIMS(2, 1, 3), -1, 1);
    drive_rand(&d, true, DRIVE_DIMS(1, 8, 3), -1, 1);
    drive_rand(&d, false, DRIVE_DIMS(1, 8, 2), -1, 1);
    hn_node *n = drive_node(&d, "LSTM", 1);
    ok(hn_node_infer(n));
    hn_lower c = {.env = &d.env, .arena = &d.arena, .node = n, .isa = 0};
    const hn_driver *driver;
    ok(hn_device_lower(&c, &driver, NULL, NULL));
    assert_null(driver);
    assert_string_equal(c.reason, "rnn_f32: the weights are not constant");
    drive_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lstm_matches),
        cmocka_unit_test(gru_matches),
        cmocka_unit_test(identity_weights_match),
        cmocka_unit_test(what_it_does_not_know_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
