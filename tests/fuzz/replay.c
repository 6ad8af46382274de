/* Runs a fuzz target over files and folders of files, without libFuzzer: so the corpora are replayed in every build, whatever the compiler. */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 22 };

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rbe");
    uint8_t *bytes = f ? malloc(INPUT_MAX) : NULL;
    if (!bytes) {
        perror(path);
        if (f)
            (void)fclose(f);
        return -1;
    }
    size_t n = fread(bytes, 1, INPUT_MAX, f);
    (void)fclose(f);
    uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees the end */
    if (exact) {
        memcpy(exact, bytes, n);
        (void)fuzz_one(exact, n);
    }
    free(bytes);
    free(exact);
    return exact ? 0 : -1;
}

static int run_path(const char *path, int *count)
{
    struct stat st;
    struct dirent **entry;
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        ++*count;
        return run_file(path);
    }
    int n = scandir(path, &entry, NULL, alphasort), rc = n < 0 ? -1 : 0;
    for (int i = 0; i < n; i++) {
        char name[4096];
        (void)snprintf(name, sizeof name, "%s/%s", path, entry[i]->d_name);
        if (entry[i]->d_name[0] != '.' && run_path(name, count) < 0)
            rc = -1;
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
    else
        perror(path);
    return rc;
}

int main(int argc, char **argv)
{
    int count = 0, rc = 0;
    for (int i = 1; i < argc; i++)
        if (run_path(argv[i], &count) < 0)
            rc = -1;
    printf("%d inputs\n", count);
    return rc < 0 || count == 0 ? 1 : 0;
}
