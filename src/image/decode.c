/* decode: bytes to pixels; JPEG and PNG here, the simpler formats in files of their own. libjpeg and libpng are opened
 * when a picture comes. They report errors by longjmp; all state lives in one struct so that nothing is clobbered, and
 * the size is checked against the limit before any pixel memory is taken. */
#include "image/image_priv.h"

#include "base/cursor.h"
#include "base/io.h"
#include "base/late.h"
#include "base/size.h"

#include <assert.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

enum { MAX_SCANS = 200 };

typedef struct jpeg_library {
    HN_LATE_MEMBER(jpeg_std_error);
    HN_LATE_MEMBER(jpeg_CreateDecompress);
    HN_LATE_MEMBER(jpeg_mem_src);
    HN_LATE_MEMBER(jpeg_read_header);
    HN_LATE_MEMBER(jpeg_start_decompress);
    HN_LATE_MEMBER(jpeg_read_scanlines);
    HN_LATE_MEMBER(jpeg_finish_decompress);
    HN_LATE_MEMBER(jpeg_destroy_decompress);
} jpeg_library;

typedef struct png_library {
    HN_LATE_MEMBER(png_create_read_struct);
    HN_LATE_MEMBER(png_create_info_struct);
    HN_LATE_MEMBER(png_destroy_read_struct);
    HN_LATE_MEMBER(png_error);
    HN_LATE_MEMBER(png_set_read_fn);
    HN_LATE_MEMBER(png_set_user_limits);
    HN_LATE_MEMBER(png_set_chunk_malloc_max);
    HN_LATE_MEMBER(png_set_chunk_cache_max);
    HN_LATE_MEMBER(png_read_info);
    HN_LATE_MEMBER(png_get_color_type);
    HN_LATE_MEMBER(png_set_palette_to_rgb);
    HN_LATE_MEMBER(png_set_expand_gray_1_2_4_to_8);
    HN_LATE_MEMBER(png_set_strip_16);
    HN_LATE_MEMBER(png_set_strip_alpha);
    HN_LATE_MEMBER(png_set_interlace_handling);
    HN_LATE_MEMBER(png_get_image_width);
    HN_LATE_MEMBER(png_get_image_height);
    HN_LATE_MEMBER(png_read_update_info);
    HN_LATE_MEMBER(png_get_rowbytes);
    HN_LATE_MEMBER(png_read_image);
    HN_LATE_MEMBER(png_read_end);
} png_library;

/* libpng's callbacks are handed a png_struct; what it holds for them, only the library tells. */
typedef struct png_owner {
    HN_LATE_MEMBER(png_get_io_ptr);
    HN_LATE_MEMBER(png_get_error_ptr);
} png_owner;

typedef struct decoder {
    jpeg_library jpeg_lib;
    png_library png_lib;
    hn_image_source source;
    hn_env *env;
    hn_arena *arena;
    hn_cursor in;
    hn_image out;
    hn_status status;
    char message[JMSG_LENGTH_MAX];
    jmp_buf jump;
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr jpeg_error;
    struct jpeg_progress_mgr jpeg_progress;
    png_structp png;
    png_infop info;
    png_bytep *rows;
    uint8_t *line;
} decoder;

static bool is_jpeg(const uint8_t *b, size_t n)
{
    return n >= 3 && b[0] == 0xff && b[1] == 0xd8 && b[2] == 0xff;
}
static bool is_png(const uint8_t *b, size_t n)
{
    return n >= 8 && memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0;
}

bool hn_image_known(const void *bytes, size_t size)
{
    return is_jpeg(bytes, size) || is_png(bytes, size) || hn_image_is_bmp(bytes, size) ||
           hn_image_is_pnm(bytes, size) || hn_image_is_tiff(bytes, size) || hn_image_is_webp(bytes, size) ||
           hn_image_is_jpeg2000(bytes, size);
}

bool hn_image_file_name(const char *name)
{
    static const char *const ends[] = {".jpg", ".jpeg", ".png",  ".bmp",  ".ppm", ".pgm", ".pbm",
                                       ".pnm", ".tif",  ".tiff", ".webp", ".jp2", ".j2k"};
    for (size_t i = 0; i < HN_COUNT(ends); i++)
        if (hn_path_has_ext(name, ends[i])) return true;
    return false;
}

hn_status hn_image_take(const hn_image_source *s, size_t width, size_t height, int channels, hn_image *out)
{
    size_t pixels = 0;
    if (width == 0 || height == 0) return hn_fail(s->env, HN_INPUT, "the image is empty (%zu x %zu)", width, height);
    if (!hn_size_mul(width, height, &pixels) || pixels > s->max_pixels)
        return hn_fail(s->env, HN_LIMIT, "the image of %zu x %zu pixels is above the limit of %zu pixels", width,
                       height, s->max_pixels);
    *out = (hn_image){NULL, (int)width, (int)height, channels};
    if (s->measure) return HN_OK;
    out->pixels = hn_arena_array(s->env, s->arena, pixels, (size_t)channels);
    return out->pixels ? HN_OK : s->env->error.status;
}

hn_status hn_image_cut(const hn_image_source *s, const char *format)
{
    return hn_fail(s->env, HN_INPUT, "the %s ends early, after %zu bytes", format, s->size);
}

/* JPEG */

static hn_status open_jpeg(hn_env *env, jpeg_library *lib)
{
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(lib, jpeg_std_error),         HN_LATE_SYMBOL(lib, jpeg_CreateDecompress),
        HN_LATE_SYMBOL(lib, jpeg_mem_src),           HN_LATE_SYMBOL(lib, jpeg_read_header),
        HN_LATE_SYMBOL(lib, jpeg_start_decompress),  HN_LATE_SYMBOL(lib, jpeg_read_scanlines),
        HN_LATE_SYMBOL(lib, jpeg_finish_decompress), HN_LATE_SYMBOL(lib, jpeg_destroy_decompress),
    };
    return hn_late_open(env, HONE_SONAME_jpeg, symbols, HN_COUNT(symbols));
}

static void jpeg_fatal(j_common_ptr c)
{
    decoder *d = c->client_data;
    c->err->format_message(c, d->message);
    longjmp(d->jump, 1);
}

/* Broken data gives a warning and a partly grey picture; a calibration set with such pictures would be silently wrong.
 */
static void jpeg_warn(j_common_ptr c, int level)
{
    if (level < 0) jpeg_fatal(c);
}

/* A tiny file can ask for thousands of passes over a large picture. */
static void jpeg_watch(j_common_ptr c)
{
    decoder *d = c->client_data;
    if (d->jpeg.input_scan_number <= MAX_SCANS) return;
    (void)snprintf(d->message, sizeof d->message, "more than %d scans", MAX_SCANS);
    longjmp(d->jump, 1);
}

/* Pillow's integer CMYK to RGB; files by Adobe hold the inverse. */
static void cmyk_line(const uint8_t *src, uint8_t *dst, size_t n, bool inverted)
{
    for (size_t i = 0; i < n; i++, src += 4, dst += 3) {
        int flip = inverted ? 255 : 0;
        int nk = 255 - (src[3] ^ flip);
        for (int c = 0; c < 3; c++) {
            int t = (src[c] ^ flip) * nk + 128;
            dst[c] = (uint8_t)(nk - (((t >> 8) + t) >> 8));
        }
    }
}

static void jpeg_body(decoder *d)
{
    struct jpeg_decompress_struct *j = &d->jpeg;
    d->jpeg_lib.jpeg_mem_src(j, d->in.data, (unsigned long)d->in.size);
    (void)d->jpeg_lib.jpeg_read_header(j, TRUE);
    bool cmyk = j->jpeg_color_space == JCS_CMYK || j->jpeg_color_space == JCS_YCCK;
    bool gray = j->jpeg_color_space == JCS_GRAYSCALE;
    j->out_color_space = cmyk ? JCS_CMYK : gray ? JCS_GRAYSCALE : JCS_RGB;
    d->status = hn_image_take(&d->source, j->image_width, j->image_height, gray ? 1 : 3, &d->out);
    if (d->status != HN_OK || d->source.measure) return;
    if (cmyk && (d->line = hn_arena_array(d->env, d->arena, j->image_width, 4)) == NULL) {
        d->status = d->env->error.status;
        return;
    }
    (void)d->jpeg_lib.jpeg_start_decompress(j);
    size_t stride = (size_t)d->out.width * (size_t)d->out.channels;
    while (j->output_scanline < j->output_height) {
        uint8_t *row = d->out.pixels + (size_t)j->output_scanline * stride;
        JSAMPROW target = cmyk ? d->line : row;
        (void)d->jpeg_lib.jpeg_read_scanlines(j, &target, 1);
        if (cmyk) cmyk_line(d->line, row, (size_t)d->out.width, j->saw_Adobe_marker);
    }
    (void)d->jpeg_lib.jpeg_finish_decompress(j);
}

static void jpeg_decode(decoder *d)
{
    d->jpeg.err = d->jpeg_lib.jpeg_std_error(&d->jpeg_error);
    d->jpeg_error.error_exit = jpeg_fatal;
    d->jpeg_error.emit_message = jpeg_warn;
    d->jpeg.client_data = d;
    if (setjmp(d->jump) == 0) {
        d->jpeg_lib.jpeg_CreateDecompress(&d->jpeg, JPEG_LIB_VERSION, sizeof d->jpeg);
        d->jpeg_progress.progress_monitor = jpeg_watch;
        d->jpeg.progress = &d->jpeg_progress;
        /* A progressive file may hold any number of scans of its coefficients; this bounds memory, not only pixels. */
        d->jpeg.mem->max_memory_to_use = (long)hn_min_size(d->source.max_pixels * 8 + (1 << 20), (size_t)1 << 40);
        jpeg_body(d);
    } else {
        d->status = hn_fail(d->env, HN_INPUT, "the JPEG is broken: %s", d->message);
    }
    d->jpeg_lib.jpeg_destroy_decompress(&d->jpeg);
}

/* PNG */

static hn_status open_png(hn_env *env, png_library *lib)
{
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(lib, png_create_read_struct),
        HN_LATE_SYMBOL(lib, png_create_info_struct),
        HN_LATE_SYMBOL(lib, png_destroy_read_struct),
        HN_LATE_SYMBOL(lib, png_error),
        HN_LATE_SYMBOL(lib, png_set_read_fn),
        HN_LATE_SYMBOL(lib, png_set_user_limits),
        HN_LATE_SYMBOL(lib, png_set_chunk_malloc_max),
        HN_LATE_SYMBOL(lib, png_set_chunk_cache_max),
        HN_LATE_SYMBOL(lib, png_read_info),
        HN_LATE_SYMBOL(lib, png_get_color_type),
        HN_LATE_SYMBOL(lib, png_set_palette_to_rgb),
        HN_LATE_SYMBOL(lib, png_set_expand_gray_1_2_4_to_8),
        HN_LATE_SYMBOL(lib, png_set_strip_16),
        HN_LATE_SYMBOL(lib, png_set_strip_alpha),
        HN_LATE_SYMBOL(lib, png_set_interlace_handling),
        HN_LATE_SYMBOL(lib, png_get_image_width),
        HN_LATE_SYMBOL(lib, png_get_image_height),
        HN_LATE_SYMBOL(lib, png_read_update_info),
        HN_LATE_SYMBOL(lib, png_get_rowbytes),
        HN_LATE_SYMBOL(lib, png_read_image),
        HN_LATE_SYMBOL(lib, png_read_end),
    };
    return hn_late_open(env, HONE_SONAME_png, symbols, HN_COUNT(symbols));
}

/* The library is open already, so this is a look-up that cannot fail. */
static png_owner owner_functions(void)
{
    hn_env env;
    png_owner o, *lib = &o;
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(lib, png_get_io_ptr),
        HN_LATE_SYMBOL(lib, png_get_error_ptr),
    };
    hn_env_init(&env);
    hn_status st = hn_late_open(&env, HONE_SONAME_png, symbols, HN_COUNT(symbols));
    assert(st == HN_OK);
    (void)st;
    return o;
}

static void png_fatal(png_structp p, png_const_charp text)
{
    decoder *d = owner_functions().png_get_error_ptr(p);
    (void)snprintf(d->message, sizeof d->message, "%s", text);
    longjmp(d->jump, 1);
}

static void png_quiet(png_structp p, png_const_charp text)
{
    (void)p;
    (void)text;
}

static void png_pull(png_structp p, png_bytep dst, size_t n)
{
    decoder *d = owner_functions().png_get_io_ptr(p);
    if (n > hn_cursor_left(&d->in)) d->png_lib.png_error(p, "the file ends early");
    memcpy(dst, d->in.data + d->in.pos, n);
    d->in.pos += n;
}

static void png_body(decoder *d)
{
    d->png_lib.png_set_read_fn(d->png, d, png_pull);
    d->png_lib.png_set_user_limits(d->png, 1 << 24, 1 << 24);
    d->png_lib.png_set_chunk_malloc_max(d->png, 8 << 20);
    d->png_lib.png_set_chunk_cache_max(d->png, 64);
    d->png_lib.png_read_info(d->png, d->info);
    int type = d->png_lib.png_get_color_type(d->png, d->info);
    bool gray = type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA;
    d->png_lib.png_set_palette_to_rgb(d->png);
    if (gray) d->png_lib.png_set_expand_gray_1_2_4_to_8(d->png);
    d->png_lib.png_set_strip_16(d->png);
    d->png_lib.png_set_strip_alpha(d->png);
    (void)d->png_lib.png_set_interlace_handling(d->png);
    size_t width = d->png_lib.png_get_image_width(d->png, d->info),
           height = d->png_lib.png_get_image_height(d->png, d->info);
    d->status = hn_image_take(&d->source, width, height, gray ? 1 : 3, &d->out);
    if (d->status != HN_OK || d->source.measure) return;
    d->png_lib.png_read_update_info(d->png, d->info);
    size_t stride = width * (size_t)d->out.channels;
    if (d->png_lib.png_get_rowbytes(d->png, d->info) != stride) d->png_lib.png_error(d->png, "unexpected row size");
    d->rows = hn_arena_array(d->env, d->arena, height, sizeof *d->rows);
    if (!d->rows) {
        d->status = d->env->error.status;
        return;
    }
    for (size_t y = 0; y < height; y++) d->rows[y] = d->out.pixels + y * stride;
    d->png_lib.png_read_image(d->png, d->rows);
    d->png_lib.png_read_end(d->png, NULL);
}

static void png_decode(decoder *d)
{
    d->png = d->png_lib.png_create_read_struct(PNG_LIBPNG_VER_STRING, d, png_fatal, png_quiet);
    if (d->png) d->info = d->png_lib.png_create_info_struct(d->png);
    if (!d->png || !d->info) {
        d->status = hn_fail(d->env, HN_NOMEM, "libpng could not start");
    } else if (setjmp(d->jump) == 0) {
        png_body(d);
    } else {
        d->status = hn_fail(d->env, HN_INPUT, "the PNG is broken near byte %zu: %s", d->in.pos, d->message);
    }
    d->png_lib.png_destroy_read_struct(&d->png, &d->info, NULL);
}

/* Pictures that other programs read and this one does not. */
static const char *foreign(const uint8_t *b, size_t n)
{
    if (n >= 6 && memcmp(b, "GIF8", 4) == 0) return "GIF";
    return NULL;
}

static hn_status decode_lib(const hn_image_source *s, hn_image *out)
{
    decoder *d = hn_zalloc(s->env, sizeof *d);
    if (!d) return s->env->error.status;
    d->source = *s;
    d->env = s->env;
    d->arena = s->arena;
    d->in = hn_cursor_make(s->data, s->size);
    bool jpeg = is_jpeg(s->data, s->size);
    hn_status st = jpeg ? open_jpeg(s->env, &d->jpeg_lib) : open_png(s->env, &d->png_lib);
    if (st == HN_OK && jpeg) jpeg_decode(d);
    if (st == HN_OK && !jpeg) png_decode(d);
    if (st == HN_OK) st = d->status;
    if (st == HN_OK) *out = d->out;
    hn_free(s->env, d);
    return st;
}

static hn_status decode(const hn_image_source *s, hn_image *out)
{
    const uint8_t *b = s->data;
    size_t n = s->size;
    if (is_jpeg(b, n) || is_png(b, n)) return decode_lib(s, out);
    if (hn_image_is_bmp(b, n)) return hn_image_bmp(s, out);
    if (hn_image_is_pnm(b, n)) return hn_image_pnm(s, out);
    if (hn_image_is_tiff(b, n)) return hn_image_tiff(s, out);
    if (hn_image_is_webp(b, n)) return hn_image_webp(s, out);
    if (hn_image_is_jpeg2000(b, n)) return hn_image_jpeg2000(s, out);
    const char *name = foreign(b, n);
    hn_status st =
        name ? hn_fail(s->env, HN_UNSUPPORTED, "the picture is %s, which is not read here", name)
             : hn_fail(s->env, HN_INPUT, "the bytes are none of JPEG, JPEG 2000, PNG, BMP, PNM, TIFF and WebP");
    hn_hint(s->env, "convert the picture to JPEG or PNG");
    return st;
}

static hn_image_source source(hn_env *env, hn_arena *arena, const void *bytes, size_t size, size_t max_pixels)
{
    return (hn_image_source){.env = env,
                             .arena = arena,
                             .data = bytes,
                             .size = size,
                             .max_pixels = hn_min_size(max_pixels ? max_pixels : HN_IMAGE_MAX_PIXELS, (size_t)1 << 31)};
}

hn_status hn_image_decode(hn_env *env, hn_arena *arena, const void *bytes, size_t size, size_t max_pixels,
                          hn_image *out)
{
    hn_image_source s = source(env, arena, bytes, size, max_pixels);
    return decode(&s, out);
}

hn_status hn_image_measure(hn_env *env, const void *bytes, size_t size, size_t max_pixels, hn_image *out)
{
    hn_image_source s = source(env, NULL, bytes, size, max_pixels);
    s.measure = true;
    return decode(&s, out);
}
