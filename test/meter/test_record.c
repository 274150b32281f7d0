/* record: order, look-up, sticky failure, no half-built nodes. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "meter/record.h"
#include "support/rig.h"

static hn_rec *build(hn_recs *r)
{
    hn_rec *root = hn_rec_map(r, NULL, NULL);
    hn_rec_str(r, root, "name", "resnet");
    hn_rec_int(r, root, "n", -7);
    hn_rec_real(r, root, "x", 0.5);
    hn_rec_bool(r, root, "ok", true);
    hn_rec_null(r, root, "none");
    hn_rec *list = hn_rec_list(r, root, "ops");
    for (int i = 0; i < 12; i++) {
        hn_rec *op = hn_rec_map(r, list, NULL);
        hn_rec_strf(r, op, "name", "op-%d", i);
        hn_rec_real(r, op, "us", i * 1.5);
    }
    hn_rec_real(r, root, "nan", NAN);
    hn_rec_real(r, root, "inf", -INFINITY);
    return root;
}

static void keeps_order(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena a = {0};
    hn_recs r = {&env, &a};
    hn_rec *root = build(&r);
    assert_non_null(root);
    static const char *const keys[] = {"name", "n", "x", "ok", "none", "ops", "nan", "inf"};
    static const hn_rec_kind kinds[] = {HN_REC_STR,  HN_REC_INT,  HN_REC_REAL, HN_REC_BOOL,
                                        HN_REC_NULL, HN_REC_LIST, HN_REC_NULL, HN_REC_NULL};
    size_t i = 0;
    for (const hn_rec *n = root->u.c.first; n != NULL; n = n->next, i++) {
        assert_string_equal(n->key, keys[i]);
        assert_int_equal(n->kind, kinds[i]);
    }
    assert_int_equal(i, 8);
    assert_int_equal(root->u.c.count, 8);
    assert_string_equal(root->u.c.last->key, "inf");
    hn_arena_fini(&env, &a);
}

static void look_up(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena a = {0};
    hn_recs r = {&env, &a};
    hn_rec *root = build(&r);
    assert_string_equal(hn_rec_text(root, "name", "?"), "resnet");
    assert_string_equal(hn_rec_text(root, "ops.11.name", "?"), "op-11");
    assert_true(hn_rec_num(root, "ops.2.us", -1) == 3.0);
    assert_true(hn_rec_num(root, "n", 0) == -7.0);
    assert_true(hn_rec_num(root, "name", 9) == 9.0);
    assert_string_equal(hn_rec_text(root, "n", "?"), "?");
    assert_true(hn_rec_num(root, "nan", 9) == 9.0);
    assert_ptr_equal(hn_rec_get(root, ""), root);
    assert_true(hn_rec_get(root, "ok")->u.b);
    static const char *const absent[] = {
        "nam", "names", "ops.12", "ops.-1", "ops.x", "ops.", "n.m", "ops.99999999999999999999", "a.b"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        const hn_rec *n = hn_rec_get(root, absent[i]);
        if (strcmp(absent[i], "ops.") == 0)
            assert_int_equal(n->kind, HN_REC_LIST);
        else
            assert_null(n);
    }
    assert_null(hn_rec_get(NULL, "x"));
    hn_arena_fini(&env, &a);
}

static void parent_must_hold_children(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena a = {0};
    hn_recs r = {&env, &a};
    hn_rec *leaf = hn_rec_int(&r, NULL, NULL, 3);
    assert_null(hn_rec_int(&r, leaf, "k", 4));
    assert_int_equal(env.error.status, HN_BUG);
    assert_int_equal(leaf->u.i, 3);
    assert_null(hn_rec_map(&r, NULL, NULL)); /* sticky */
    hn_arena_fini(&env, &a);
}

static hn_status build_all(hn_env *env)
{
    hn_arena a = {0};
    hn_recs r = {env, &a};
    hn_rec *root = hn_rec_map(&r, NULL, NULL);
    for (int i = 0; i < 60; i++) {
        hn_rec *m = build(&r);
        hn_rec *sub = hn_rec_map(&r, root, "key");
        hn_rec_str(&r, sub, "name", "value");
        if (env->error.status == HN_OK) assert_non_null(m);
    }
    hn_status st = env->error.status;
    hn_arena_fini(env, &a);
    return st;
}

static void torture(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    bool done = false;
    HN_RIG_TORTURE(rig, env, done, 100)
    {
        done = hn_rig_check(&rig, &env, build_all(&env));
    }
    assert_true(rig.requests > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_order), cmocka_unit_test(look_up),
                                       cmocka_unit_test(parent_must_hold_children), cmocka_unit_test(torture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
