// What the test programs share: a check that failed is told and counted, and the program goes on.
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "imfs.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int failures;

// The condition holds.
#define CHECK(condition)                                                                                 \
    do {                                                                                                 \
        if (!(condition)) {                                                                              \
            int e_ = errno;                                                                               \
            fprintf(stderr, "%s:%d: not so: %s (errno %d, %s)\n", __FILE__, __LINE__, #condition, e_, strerror(e_)); \
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);                                          \
        }                                                                                                \
    } while (0)

// The call gives this number.
#define GIVES(number, call)                                                                              \
    do {                                                                                                 \
        long long got_ = (long long)(call);                                                               \
        if (got_ != (long long)(number)) {                                                                \
            int e_ = errno;                                                                               \
            fprintf(stderr, "%s:%d: %s gave %lld, errno %d (%s)\n", __FILE__, __LINE__, #call, got_, e_, strerror(e_)); \
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);                                          \
        }                                                                                                \
    } while (0)

// The call succeeds with 0.
#define OK(call) GIVES(0, call)

// The call gives -1 (or NULL, with FAILS_NULL) and this errno.
#define FAILS(error, call)                                                                               \
    do {                                                                                                 \
        errno = 0;                                                                                       \
        long long got_ = (long long)(call);                                                               \
        int e_ = errno;                                                                                   \
        if (got_ != -1 || e_ != (error)) {                                                                 \
            fprintf(stderr, "%s:%d: %s gave %lld, errno %d (%s), not %s\n", __FILE__, __LINE__, #call, got_, e_, \
                    strerror(e_), #error);                                                                \
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);                                          \
        }                                                                                                \
    } while (0)

#define FAILS_NULL(error, call)                                                                          \
    do {                                                                                                 \
        errno = 0;                                                                                       \
        CHECK((call) == NULL && errno == (error));                                                       \
    } while (0)

// Makes a file with these bytes.
static inline void put_file(int cage, const char *path, const char *bytes)
{
    int fd = imfs_open(cage, path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    CHECK(fd >= 3);
    GIVES(strlen(bytes), imfs_write(cage, fd, bytes, strlen(bytes)));
    OK(imfs_close(cage, fd));
}

// Whether a file has these bytes.
static inline int has_bytes(int cage, const char *path, const char *bytes)
{
    char bytes_read[4096];
    int fd = imfs_open(cage, path, O_RDONLY, 0);
    if (fd < 0)
        return 0;
    ssize_t n = imfs_read(cage, fd, bytes_read, sizeof bytes_read);
    imfs_close(cage, fd);
    return n == (ssize_t)strlen(bytes) && memcmp(bytes_read, bytes, n) == 0;
}

// The end of main.
static inline int verdict(void)
{
    if (failures)
        fprintf(stderr, "%d checks failed\n", failures);
    return failures != 0;
}

#endif
