/* preprocess: the text form (round trip, errors that help) and the arithmetic; against the stored inputs of real
 * models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/size.h"
#include "data/data.h"
#include "support/data.h"

static void round_trip(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        {"", "none"},
        {"none", "none"},
        {"torch", "torch"},
        {"tf", "tf"},
        {"torch,crop=192", "torch,crop=192"},
        {"torch,mean=123.675:116.28:103.53", "torch"},
        {"std=255,mean=0.5", "mean=0.5,std=255"},
        {"none,resize=0,order=bgr", "resize=0,order=bgr"},
        {"resize=240:320,crop=96:96,scale=-0.5,order=gray,layout=nhwc,dtype=u8",
         "resize=240:320,crop=96,scale=-0.5,order=gray,layout=nhwc,dtype=u8"},
        {"mean=123.68:116.78:103.94,std=0.1", "mean=123.68:116.78:103.94,std=0.1"},
        {"resize=100:100,crop=50:40", "resize=100:100,crop=50:40"},
    };
    hn_env env;
    hn_env_init(&env);
    for (size_t i = 0; i < HN_COUNT(row); i++) {
        hn_preprocess p, again;
        hn_buf b = {0}, c = {0};
        assert_int_equal(hn_preprocess_parse(&env, row[i][0], &p), HN_OK);
        hn_preprocess_print(&env, &p, &b);
        assert_string_equal(hn_buf_str(&env, &b), row[i][1]);
        assert_int_equal(hn_preprocess_parse(&env, b.data, &again), HN_OK);
        hn_preprocess_print(&env, &again, &c);
        assert_string_equal(hn_buf_str(&env, &c), row[i][1]);
        hn_buf_fini(&env, &b);
        hn_buf_fini(&env, &c);
    }
}

static void helpful_errors(void **state)
{
    (void)state;
    static const char *const row[][3] = {
        {"torsh", "unknown preset \"torsh\"", "torch"},
        {"torch,resise=3", "unknown key \"resise\" at character 7", "resize"},
        {"ordr=rgb", "unknown key \"ordr\"", "order"},
        {"order=rbg", "unknown order \"rbg\"", "rgb"},
        {"layout=nwhc", "unknown layout", "n"},
        {"mean=1:2", "mean=1:2", "resize"},
        {"mean=1:2:3:4", "mean=", ""},
        {"std=0", "other than 0", ""},
        {"std=nan", "std=nan", ""},
        {"scale=0", "other than 0", ""},
        {"resize=-4", "resize=-4", ""},
        {"resize=99999999999999999999", "resize=", ""},
        {"resize=3:0", "resize=3:0", ""},
        {"crop=", "crop=", ""},
        {"dtype=string", "dtype=string", ""},
        {"mean=1,mean=2", "twice", ""},
        {"mean=1,torch", "a preset stands first", ""},
        {"torch,", "no '='", ""},
    };
    hn_env env;
    hn_env_init(&env);
    for (size_t i = 0; i < HN_COUNT(row); i++) {
        hn_preprocess p;
        assert_int_equal(hn_preprocess_parse(&env, row[i][0], &p), HN_INPUT);
        if (!strstr(env.error.text, row[i][1])) fail_msg("%s: %s", row[i][0], env.error.text);
        if (!strstr(env.error.hint, row[i][2])) fail_msg("%s: hint %s", row[i][0], env.error.hint);
        hn_error_clear(&env);
    }
}

static void arithmetic(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_preprocess p;
    hn_tensor t;
    uint8_t px[2 * 2 * 3] = {0, 1, 2, 10, 11, 12, 20, 21, 22, 255, 254, 253};
    hn_image im = {px, 2, 2, 3};
    hn_env_init(&env);
    assert_int_equal(hn_preprocess_parse(&env, "mean=1:2:3,std=2:4:8,scale=3,order=bgr", &p), HN_OK);
    assert_int_equal(hn_preprocess_image(&env, &a, &p, &im, true, &t), HN_OK);
    assert_int_equal(t.rank, 3);
    assert_int_equal(t.dims[0], 3);
    const float *f = t.data;
    assert_true(f[0] == 1.5f && f[3] == 378.0f);            /* blue first: (2 - 1) / 2 * 3, (253 - 1) / 2 * 3 */
    assert_true(f[4] == -0.75f && f[8 + 1] == 7 / 8.f * 3); /* green (1 - 2) / 4 * 3; red (10 - 3) / 8 * 3 */
    assert_int_equal(hn_preprocess_parse(&env, "layout=nhwc,dtype=u8", &p), HN_OK);
    assert_int_equal(hn_preprocess_image(&env, &a, &p, &im, true, &t), HN_OK);
    assert_int_equal(t.dtype, HN_U8);
    assert_memory_equal(t.data, px, sizeof px);
    assert_int_equal(hn_preprocess_parse(&env, "torch", &p), HN_OK);
    assert_int_equal(hn_preprocess_image(&env, &a, &p, &im, true, &t), HN_OK); /* fixed: no resize */
    assert_int_equal(t.dims[2], 2);
    im.channels = 1;
    assert_int_equal(hn_preprocess_image(&env, &a, &p, &im, true, &t), HN_INPUT);
    assert_non_null(strstr(env.error.hint, "order=rgb"));
    hn_error_clear(&env);
    assert_int_equal(hn_preprocess_image(&env, &a, &p, &im, false, &t), HN_OK);
    assert_int_equal(t.dims[0], 3);
    assert_int_equal(t.dims[1], 224);
    assert_int_equal(hn_preprocess_parse(&env, "crop=3", &p), HN_OK);
    assert_int_equal(hn_preprocess_image(&env, &a, &p, &im, false, &t), HN_INPUT);
    hn_error_clear(&env);
    hn_arena_fini(&env, &a);
}

static void arrays(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_preprocess p = {0};
    hn_tensor in, out;
    int64_t data[4] = {-3, 0, 7, 9}, dims[2] = {2, 2};
    hn_env_init(&env);
    assert_int_equal(hn_tensor_view(&env, &in, HN_I64, 2, dims, data, sizeof data), HN_OK);
    assert_int_equal(hn_preprocess_array(&env, &a, &p, &in, &out), HN_OK);
    assert_ptr_equal(out.data, data);
    assert_int_equal(hn_preprocess_parse(&env, "mean=1,std=2", &p), HN_OK);
    assert_int_equal(hn_preprocess_array(&env, &a, &p, &in, &out), HN_OK);
    assert_int_equal(out.dtype, HN_F32);
    assert_true(((float *)out.data)[0] == -2.0f && ((float *)out.data)[3] == 4.0f);
    assert_int_equal(hn_preprocess_parse(&env, "resize=2", &p), HN_OK);
    assert_int_equal(hn_preprocess_array(&env, &a, &p, &in, &out), HN_INPUT);
    hn_error_clear(&env);
    /* u8 pixels by planes and by pixel give the same tensor. */
    uint8_t chw[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, hwc[12] = {1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12};
    int64_t d1[3] = {3, 2, 2}, d2[3] = {2, 2, 3};
    hn_tensor x, y;
    assert_int_equal(hn_preprocess_parse(&env, "torch", &p), HN_OK);
    assert_int_equal(hn_tensor_view(&env, &in, HN_U8, 3, d1, chw, sizeof chw), HN_OK);
    assert_int_equal(hn_preprocess_array(&env, &a, &p, &in, &x), HN_OK);
    assert_int_equal(hn_tensor_view(&env, &in, HN_U8, 3, d2, hwc, sizeof hwc), HN_OK);
    assert_int_equal(hn_preprocess_array(&env, &a, &p, &in, &y), HN_OK);
    assert_true(hn_tensor_equal(&x, &y));
    hn_arena_fini(&env, &a);
}

/* The stored inputs end with their elements, so that no protobuf is needed here. */
static void stored_inputs(void **state)
{
    (void)state;
    static const struct {
        const char *file, *pre;
        size_t images;
    } row[] = {
        {"models/mobilenet_v2_1.0_224/test_data_set_0/input_0.pb", "tf", 1},
        {"models/mobilenet_v2_1.0_224/test_data_set_1/input_0.pb", "tf", 3},
        {"models/squeezenet1.1/test_data_set_0/input_0.pb", "torch", 1},
        {"models/squeezenet1.1/test_data_set_1/input_0.pb", "torch", 3},
        {"models/mobilenet_v1_0.25_224/test_data_set_1/input_0.pb", "tf", 3},
    };
    char images[4096], path[4096];
    hn_test_need_data("imagenet500", images, sizeof images);
    hn_env env;
    hn_env_init(&env);
    for (size_t i = 0; i < HN_COUNT(row); i++) {
        hn_test_need_data(row[i].file, path, sizeof path);
        hn_data_options o = {0};
        hn_dataset *ds = NULL;
        hn_arena a = {0};
        hn_batch b;
        hn_map map;
        static const size_t index[3] = {0, 1, 2};
        assert_int_equal(hn_preprocess_parse(&env, row[i].pre, &o.pre), HN_OK);
        assert_int_equal(hn_dataset_open(&env, images, &o, &ds), HN_OK);
        assert_int_equal(ds->count, 500);
        assert_int_equal(hn_dataset_batch(&env, ds, index, row[i].images, &a, &b), HN_OK);
        assert_int_equal(hn_map_open(&env, path, &map), HN_OK);
        size_t n = row[i].images * 3 * 224 * 224;
        assert_int_equal(b.input[0].bytes, n * 4);
        assert_true(map.size > n * 4);
        const float *got = b.input[0].data;
        double worst = 0;
        for (size_t k = 0; k < n; k++) {
            float want;
            memcpy(&want, map.data + map.size - n * 4 + k * 4, 4);
            double d = fabs((double)want - (double)got[k]);
            if (!(d <= worst)) worst = d;
        }
        print_message("%s: max abs difference %.3g\n", row[i].file, worst);
        assert_true(worst < 1e-6);
        hn_map_close(&map);
        hn_dataset_close(&env, ds);
        hn_arena_fini(&env, &a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(helpful_errors), cmocka_unit_test(arithmetic),
        cmocka_unit_test(arrays),     cmocka_unit_test(stored_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
