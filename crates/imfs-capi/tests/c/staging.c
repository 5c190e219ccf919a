// load_file, dump_file, preloads. The argument is a directory of the host that is ours.
#include "check.h"
#include <unistd.h>

static char path[4096], other[4096];

static char *in(char *into, const char *dir, const char *name)
{
    snprintf(into, 4096, "%s/%s", dir, name);
    return into;
}

static void host_file(const char *name, const char *bytes)
{
    FILE *file = fopen(name, "w");
    CHECK(file != NULL && fputs(bytes, file) >= 0 && fclose(file) == 0);
}

static int host_has(const char *name, const char *bytes)
{
    char got[64] = "";
    FILE *file = fopen(name, "r");
    if (file == NULL)
        return 0;
    size_t n = fread(got, 1, sizeof got - 1, file);
    fclose(file);
    return n == strlen(bytes) && memcmp(got, bytes, n) == 0;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    const char *dir = argv[1];
    imfs_init();
    host_file(in(path, dir, "one"), "first");
    OK(chmod(path, 0751));
    load_file(path);
    CHECK(has_bytes(0, path, "first"));
    struct stat st;
    OK(imfs_stat(0, path, &st));
    GIVES(0751, st.st_mode & 07777);

    char list[8192];
    host_file(in(path, dir, "two"), "second");
    snprintf(list, sizeof list, "%s/one:/in/two=%s/two::", dir, dir);
    imfs_init();
    preloads(list);
    CHECK(has_bytes(0, in(path, dir, "one"), "first") && has_bytes(0, "/in/two", "second"));

    put_file(0, "/out", "result");
    dump_file("/out", in(path, dir, "made/here/out"));
    CHECK(host_has(path, "result"));

    errno = 0;
    load_file("/no/such/file");
    GIVES(ENOENT, errno);
    errno = 0;
    dump_file("/no/such/file", in(other, dir, "never"));
    GIVES(ENOENT, errno);
    CHECK(access(other, F_OK) != 0);

    // The same for the instance of a cage.
    imfs_t *fs = imfs_new(NULL);
    int cage = imfs_cage_new(fs, -1);
    OK(imfs_load_file(cage, in(path, dir, "one")));
    CHECK(has_bytes(cage, path, "first"));
    OK(imfs_preloads(cage, list));
    CHECK(has_bytes(cage, "/in/two", "second"));
    OK(imfs_dump_file(cage, "/in/two", in(other, dir, "three")));
    CHECK(host_has(other, "second"));
    FAILS(ENOENT, imfs_load_file(cage, "/no/such/file"));
    OK(imfs_free(fs));
    imfs_init();
    return verdict();
}
