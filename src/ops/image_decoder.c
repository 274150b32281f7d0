/* ImageDecoder: the bytes of a picture file to pixels, [height, width, channels]. */
#include "image/image.h"
#include "ops/lib.h"

static int channels(const hn_node *n)
{
    return hn_attr_is(n, "pixel_format", "Grayscale") ? 1 : 3;
}

/* What is wrong with a picture, with the node's name. */
static hn_status named(hn_env *env, const hn_node *n, hn_status st)
{
    char why[sizeof env->error.text];
    if (st != HN_INPUT && st != HN_UNSUPPORTED) return st;
    memcpy(why, env->error.text, sizeof why);
    hn_error_clear(env);
    return st == HN_INPUT ? hn_op_fail(env, n, "%s", why) : hn_op_unsupported(env, n, "%s", why);
}

static hn_status infer(hn_infer *c)
{
    const hn_node *n = c->node;
    if (!hn_attr_is(n, "pixel_format", "RGB") && !hn_attr_is(n, "pixel_format", "BGR") &&
        !hn_attr_is(n, "pixel_format", "Grayscale"))
        return hn_op_fail(c->env, n, "pixel_format is not RGB, BGR or Grayscale");
    if (c->in[0]->rank >= 0 && c->in[0]->rank != 1) return hn_op_fail(c->env, n, "the bytes come in one dimension");
    c->out[0] = hn_type_tensor(HN_U8, 3, (int64_t[]){-1, -1, channels(n)});
    if (!c->data[0]) return HN_OK;
    hn_image im;
    HN_TRY(named(c->env, n, hn_image_measure(c->env, c->data[0]->data, c->data[0]->bytes, 0, &im)));
    c->out[0].dims[0] = im.height;
    c->out[0].dims[1] = im.width;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    hn_image im;
    hn_tensor *y = a->out[0];
    HN_TRY(named(a->env, a->node, hn_image_decode(a->env, a->scratch, a->in[0]->data, a->in[0]->bytes, 0, &im)));
    HN_TRY(hn_image_convert(a->env, a->scratch, &im, channels(a->node), &im));
    size_t n = (size_t)im.width * (size_t)im.height * (size_t)im.channels;
    if (n != y->bytes) return hn_op_fail(a->env, a->node, "the picture is not of the size its header tells");
    memcpy(y->data, im.pixels, n);
    uint8_t *p = y->data;
    for (size_t i = 0; i + 2 < n && hn_attr_is(a->node, "pixel_format", "BGR"); i += 3) {
        uint8_t red = p[i];
        p[i] = p[i + 2];
        p[i + 2] = red;
    }
    return HN_OK;
}

/* "P6 2 1 255", then a red and a grey pixel. */
#define PICTURE 'P', '6', ' ', '2', ' ', '1', ' ', '2', '5', '5', '\n', 255, 0, 0, 10, 10, 10

static void picture(hn_cases *c, const char *name, const char *format)
{
    hn_case(c, name);
    hn_case_string(c, "pixel_format", format);
    hn_case_in(c, HN_U8, HN_DIMS(17), HN_VALS(PICTURE));
}

static hn_status cases(hn_cases *c)
{
    picture(c, "example", "RGB");
    hn_case_want(c, HN_U8, HN_DIMS(1, 2, 3), HN_VALS(255, 0, 0, 10, 10, 10));
    picture(c, "blue first", "BGR");
    hn_case_want(c, HN_U8, HN_DIMS(1, 2, 3), HN_VALS(0, 0, 255, 10, 10, 10));
    picture(c, "gray", "Grayscale");
    hn_case_want(c, HN_U8, HN_DIMS(1, 2, 1), HN_VALS(76, 10));
    picture(c, "unknown pixels", "YUV");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case(c, "no picture");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case(c, "cut");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_U8, HN_DIMS(11), HN_VALS('P', '6', ' ', '2', ' ', '1', ' ', '2', '5', '5', '\n'));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"encoded_stream", HN_BIT(HN_U8), 0, false}};
static const hn_port out[] = {{"image", HN_BIT(HN_U8), 0, false}};
static const hn_attr_row attrs[] = {{"pixel_format", HN_ATTR_STRING, false, "RGB", "RGB, BGR or Grayscale"}, {0}};
const hn_op hn_op_image_decoder = {
    .name = "ImageDecoder",
    .domain = "",
    .since = 20,
    .doc =
        "y = the pixels of a JPEG, PNG, BMP, PNM or TIFF file, u8[height, width, channels]; other formats are refused "
        "by name. ImageDecoder(\"P6 2 1 255\" and 6 bytes) = those bytes as u8[1, 2, 3].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
