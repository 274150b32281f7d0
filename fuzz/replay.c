/* replay: runs a fuzz target over the files of the folders or files named, so that a corpus is a plain test in every
 * build. An empty or missing folder still runs the empty input. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) return 1;
    struct stat st;
    int rc = 1;
    uint8_t *data = NULL;
    if (fstat(fileno(f), &st) != 0 || st.st_size < 0) goto out;
    size_t size = (size_t)st.st_size;
    /* Exactly size bytes, so that a sanitizer sees the first byte read too far. */
    data = malloc(size == 0 ? 1 : size);
    if (data == NULL || fread(data, 1, size, f) != size) goto out;
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    rc = 0;
out:
    free(data);
    fclose(f);
    return rc;
}

static int replay_dir(const char *path, unsigned long *files)
{
    DIR *d = opendir(path);
    if (d == NULL) return 0;
    int bad = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char name[4096];
        struct stat st;
        if (e->d_name[0] == '.') continue;
        if ((size_t)snprintf(name, sizeof name, "%s/%s", path, e->d_name) >= sizeof name) return 1;
        if (stat(name, &st) != 0 || !S_ISREG(st.st_mode)) continue;
        ++*files;
        bad |= replay_file(name);
    }
    closedir(d);
    return bad;
}

int main(int argc, char **argv)
{
    static const uint8_t nothing[1];
    unsigned long files = 0;
    int bad = 0;
    LLVMFuzzerTestOneInput(nothing, 0);
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISREG(st.st_mode)) {
            files++;
            bad |= replay_file(argv[i]);
        } else {
            bad |= replay_dir(argv[i], &files);
        }
    }
    printf("%lu corpus files replayed\n", files);
    return bad;
}
