// Threads that use different cages, and the same one, while cages come and go.
#include "check.h"
#include <pthread.h>

enum { THREADS = 4 };
static int rounds = 300;

static void *own_cage(void *number)
{
    int cage = 10 + (int)(long)number;
    char path[32];
    for (int i = 0; i < rounds; i++) {
        snprintf(path, sizeof path, "/own/%d-%d", cage, i);
        put_file(cage, path, path);
        CHECK(has_bytes(cage, path, path));
        if (i % 2)
            OK(imfs_unlink(cage, path));
    }
    return NULL;
}

static int shared_fd;

static void *same_cage(void *number)
{
    char line[16];
    snprintf(line, sizeof line, "line of %ld...\n", (long)number);
    for (int i = 0; i < rounds; i++) {
        GIVES(strlen(line), imfs_write(1, shared_fd, line, strlen(line)));
        int fd = imfs_open(1, "/own", O_RDONLY | O_DIRECTORY, 0);
        CHECK(fd >= 3);
        OK(imfs_close(1, fd));
    }
    return NULL;
}

static void *come_and_go(void *number)
{
    int cage = 500 + 2000 * (int)(long)number;
    for (int i = 0; i < rounds / 4; i++) {
        OK(imfs_fork(1, cage));
        struct stat st;
        OK(imfs_fstat(cage, shared_fd, &st));
        OK(imfs_exit(cage));
        imfs_t *fs = imfs_new(NULL);
        OK(imfs_cage_new(fs, cage) == cage ? 0 : -1);
        put_file(cage, "/file", "x");
        OK(imfs_free(fs));
    }
    return NULL;
}

static void together(void *(*work)(void *), void *(*beside)(void *))
{
    pthread_t threads[2 * THREADS];
    for (long i = 0; i < 2 * THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, i % 2 ? work : beside, (void *)i) == 0);
    for (int i = 0; i < 2 * THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void)
{
    if (getenv("IMFS_TEST_ROUNDS"))
        rounds = atoi(getenv("IMFS_TEST_ROUNDS"));
    imfs_init();
    OK(imfs_mkdir(1, "/own", 0777));
    shared_fd = imfs_open(1, "/shared", O_CREAT | O_RDWR | O_APPEND, 0644);
    together(own_cage, same_cage);
    struct stat st;
    OK(imfs_fstat(1, shared_fd, &st));
    GIVES(THREADS * rounds * strlen("line of 0...\n"), st.st_size);
    together(come_and_go, same_cage);
    imfs_init();
    return verdict();
}
