/* The program of `make demo`: it says hello, and what kind of file system it lives in. */
#include <stdio.h>
#include <string.h>

int main(void)
{
    char type[64] = "?", line[512];
    FILE *mounts = fopen("/proc/self/mounts", "r");

    /* "source directory type options ...": the last root directory is the visible one. */
    while (mounts && fgets(line, sizeof line, mounts)) {
        char directory[256], found[64];
        if (sscanf(line, "%*s %255s %63s", directory, found) == 2 && strcmp(directory, "/") == 0)
            strcpy(type, found);
    }
    printf("hello! My root directory is of type %s.\n", type);
    return 0;
}
