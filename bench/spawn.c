/* spawn: a small process that starts a command N times and prints, as one JSON object, the wall time from posix_spawn
 * (which copies no page tables, as fork does: those are the parent's cost) to the first byte that the command prints,
 * in milliseconds, and the largest peak memory. Small, because Linux counts the memory of the process that forked as
 * the child's peak. What the command prints is thrown away; when it fails, spawn prints nothing and fails as well. */
#define _GNU_SOURCE /* wait4, pipe2, environ */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1000 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int run(char **command, double *ms, long *kib)
{
    struct rusage use;
    posix_spawn_file_actions_t files;
    pid_t pid;
    int status, out[2];
    char byte[4096];
    if (pipe2(out, O_CLOEXEC) != 0 || posix_spawn_file_actions_init(&files) != 0) return -1;
    int failed = posix_spawn_file_actions_adddup2(&files, out[1], 1);
    if (!failed) failed = posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    double begin = now_ms();
    if (!failed) failed = posix_spawn(&pid, command[0], &files, NULL, command, environ);
    posix_spawn_file_actions_destroy(&files);
    close(out[1]);
    if (failed) {
        close(out[0]);
        return -1;
    }
    ssize_t got = read(out[0], byte, sizeof byte);
    *ms = now_ms() - begin;
    while (got > 0) got = read(out[0], byte, sizeof byte);
    close(out[0]);
    if (wait4(pid, &status, 0, &use) != pid) return -1;
    if (use.ru_maxrss > *kib) *kib = use.ru_maxrss;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
    static double ms[MOST];
    long kib = 0;
    int n = argc > 2 ? atoi(argv[1]) : 0;
    if (n < 1 || n > MOST) {
        fprintf(stderr, "usage: spawn N PROGRAM ARGUMENT...\n");
        return 3;
    }
    for (int i = 0; i < n; i++)
        if (run(argv + 2, &ms[i], &kib) != 0) return 1;
    printf("{\"ms\": [");
    for (int i = 0; i < n; i++) printf("%s%.4f", i > 0 ? ", " : "", ms[i]);
    printf("], \"peak_kib\": %ld}\n", kib);
    return 0;
}
