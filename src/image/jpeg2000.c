/* jpeg2000: JP2 files and bare code streams through OpenJPEG, which is opened when one comes. */
#include "image/image_priv.h"

#include "base/cursor.h"
#include "base/late.h"
#include "base/size.h"

#include <stdio.h>
#include <string.h>

#include <openjpeg.h>

enum { MAX_BITS = 31 };

typedef struct library {
    HN_LATE_MEMBER(opj_create_decompress);
    HN_LATE_MEMBER(opj_destroy_codec);
    HN_LATE_MEMBER(opj_set_default_decoder_parameters);
    HN_LATE_MEMBER(opj_setup_decoder);
    HN_LATE_MEMBER(opj_decoder_set_strict_mode);
    HN_LATE_MEMBER(opj_set_error_handler);
    HN_LATE_MEMBER(opj_stream_create);
    HN_LATE_MEMBER(opj_stream_destroy);
    HN_LATE_MEMBER(opj_stream_set_read_function);
    HN_LATE_MEMBER(opj_stream_set_skip_function);
    HN_LATE_MEMBER(opj_stream_set_seek_function);
    HN_LATE_MEMBER(opj_stream_set_user_data);
    HN_LATE_MEMBER(opj_stream_set_user_data_length);
    HN_LATE_MEMBER(opj_read_header);
    HN_LATE_MEMBER(opj_decode);
    HN_LATE_MEMBER(opj_image_destroy);
} library;

typedef struct decoder {
    const hn_image_source *s;
    library lib;
    opj_codec_t *codec;
    opj_stream_t *stream;
    opj_image_t *image;
    size_t pos; /* of the stream in the file */
    char message[160];
} decoder;

static bool is_stream(const uint8_t *b, size_t n)
{
    return n >= 4 && memcmp(b, "\xff\x4f\xff\x51", 4) == 0;
}

bool hn_image_is_jpeg2000(const uint8_t *b, size_t n)
{
    return is_stream(b, n) || (n >= 12 && memcmp(b + 4, "jP  \r\n\x87\n", 8) == 0);
}

static void on_error(const char *text, void *self)
{
    decoder *d = self;
    if (d->message[0] == '\0') snprintf(d->message, sizeof d->message, "%.*s", (int)strcspn(text, "\r\n"), text);
}

static OPJ_SIZE_T on_read(void *dst, OPJ_SIZE_T n, void *self)
{
    decoder *d = self;
    size_t take = hn_min_size(n, d->s->size - d->pos);
    if (take == 0) return (OPJ_SIZE_T)-1;
    memcpy(dst, d->s->data + d->pos, take);
    d->pos += take;
    return take;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T n, void *self)
{
    decoder *d = self;
    if (n < 0 || (uint64_t)n > d->s->size - d->pos) return -1;
    d->pos += (size_t)n;
    return n;
}

static OPJ_BOOL on_seek(OPJ_OFF_T n, void *self)
{
    decoder *d = self;
    if (n < 0 || (uint64_t)n > d->s->size) return OPJ_FALSE;
    d->pos = (size_t)n;
    return OPJ_TRUE;
}

static hn_status open_library(hn_env *env, library *l)
{
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(l, opj_create_decompress),
        HN_LATE_SYMBOL(l, opj_destroy_codec),
        HN_LATE_SYMBOL(l, opj_set_default_decoder_parameters),
        HN_LATE_SYMBOL(l, opj_setup_decoder),
        HN_LATE_SYMBOL(l, opj_decoder_set_strict_mode),
        HN_LATE_SYMBOL(l, opj_set_error_handler),
        HN_LATE_SYMBOL(l, opj_stream_create),
        HN_LATE_SYMBOL(l, opj_stream_destroy),
        HN_LATE_SYMBOL(l, opj_stream_set_read_function),
        HN_LATE_SYMBOL(l, opj_stream_set_skip_function),
        HN_LATE_SYMBOL(l, opj_stream_set_seek_function),
        HN_LATE_SYMBOL(l, opj_stream_set_user_data),
        HN_LATE_SYMBOL(l, opj_stream_set_user_data_length),
        HN_LATE_SYMBOL(l, opj_read_header),
        HN_LATE_SYMBOL(l, opj_decode),
        HN_LATE_SYMBOL(l, opj_image_destroy),
    };
    return hn_late_open(env, HONE_SONAME_openjp2, symbols, HN_COUNT(symbols));
}

static hn_status damaged(const decoder *d)
{
    return hn_fail(d->s->env, HN_INPUT, "the JPEG 2000 picture is damaged: %s",
                   d->message[0] ? d->message : "its data cannot be decoded");
}

static hn_status start(decoder *d)
{
    const hn_image_source *s = d->s;
    library *l = &d->lib;
    opj_dparameters_t p;
    d->codec = l->opj_create_decompress(is_stream(s->data, s->size) ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
    d->stream = l->opj_stream_create(64 << 10, OPJ_TRUE);
    if (d->codec == NULL || d->stream == NULL) return hn_fail(s->env, HN_NOMEM, "OpenJPEG cannot start");
    (void)l->opj_set_error_handler(d->codec, on_error, d);
    l->opj_stream_set_read_function(d->stream, on_read);
    l->opj_stream_set_skip_function(d->stream, on_skip);
    l->opj_stream_set_seek_function(d->stream, on_seek);
    l->opj_stream_set_user_data(d->stream, d, NULL);
    l->opj_stream_set_user_data_length(d->stream, s->size);
    l->opj_set_default_decoder_parameters(&p);
    if (!l->opj_setup_decoder(d->codec, &p) || !l->opj_decoder_set_strict_mode(d->codec, OPJ_TRUE) ||
        !l->opj_read_header(d->stream, d->codec, &d->image) || d->image == NULL)
        return damaged(d);
    return HN_OK;
}

/* Gray or RGB, with or without alpha, every component of the picture's size. */
static hn_status check(const decoder *d, int *channels)
{
    const opj_image_t *m = d->image;
    bool rgb = m->numcomps == 3 || m->numcomps == 4;
    *channels = rgb ? 3 : 1;
    if (m->numcomps < 1 || m->numcomps > 4)
        return hn_fail(d->s->env, HN_UNSUPPORTED, "the JPEG 2000 picture has %u components", (unsigned)m->numcomps);
    if (m->color_space == OPJ_CLRSPC_SYCC || m->color_space == OPJ_CLRSPC_EYCC || m->color_space == OPJ_CLRSPC_CMYK)
        return hn_fail(d->s->env, HN_UNSUPPORTED, "the JPEG 2000 picture is neither gray nor RGB");
    for (int c = 0; c < *channels; c++) {
        const opj_image_comp_t *x = &m->comps[c];
        if (x->w != m->comps[0].w || x->h != m->comps[0].h || x->dx != 1 || x->dy != 1)
            return hn_fail(d->s->env, HN_UNSUPPORTED, "a component of the JPEG 2000 picture is sampled more coarsely");
        if (x->prec < 1 || x->prec > MAX_BITS)
            return hn_fail(d->s->env, HN_UNSUPPORTED, "the JPEG 2000 picture has %u bits a sample", (unsigned)x->prec);
    }
    return HN_OK;
}

static void copy(const decoder *d, hn_image *out)
{
    size_t pixels = (size_t)out->width * (size_t)out->height;
    for (int c = 0; c < out->channels; c++) {
        const opj_image_comp_t *x = &d->image->comps[c];
        const int64_t shift = x->sgnd ? INT64_C(1) << (x->prec - 1) : 0, top = (INT64_C(1) << x->prec) - 1;
        for (size_t i = 0; i < pixels; i++) {
            int64_t v = x->data[i] + shift;
            v = v < 0 ? 0 : v > top ? top : v;
            v = x->prec > 8 ? v >> (x->prec - 8) : v << (8 - x->prec);
            out->pixels[i * (size_t)out->channels + (size_t)c] = (uint8_t)v;
        }
    }
}

static hn_status decode(decoder *d, hn_image *out)
{
    int channels;
    HN_TRY(start(d));
    HN_TRY(check(d, &channels));
    size_t width = d->image->comps[0].w, height = d->image->comps[0].h;
    HN_TRY(hn_image_take(d->s, width, height, channels, out));
    if (d->s->measure) return HN_OK;
    if (!d->lib.opj_decode(d->codec, d->stream, d->image)) return damaged(d);
    for (int c = 0; c < channels; c++) {
        const opj_image_comp_t *x = &d->image->comps[c];
        if (x->data == NULL || x->w != width || x->h != height) return damaged(d);
    }
    copy(d, out);
    return HN_OK;
}

hn_status hn_image_jpeg2000(const hn_image_source *s, hn_image *out)
{
    decoder d = {.s = s};
    HN_TRY(open_library(s->env, &d.lib));
    hn_status st = decode(&d, out);
    if (d.image != NULL) d.lib.opj_image_destroy(d.image);
    if (d.stream != NULL) d.lib.opj_stream_destroy(d.stream);
    if (d.codec != NULL) d.lib.opj_destroy_codec(d.codec);
    return st;
}
