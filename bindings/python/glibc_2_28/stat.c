/* Linked into each library of a wheel: functions that glibc has had since 2.33, by those that it has always had. */
#if defined(__x86_64__)
#define VERSION "GLIBC_2.2.5"
#define STRUCT_VERSION 1
#else
#define VERSION "GLIBC_2.17"
#define STRUCT_VERSION 0
#endif
#define HIDDEN __attribute__((visibility("hidden")))

struct stat;

__asm__(".symver __xstat,__xstat@" VERSION);
__asm__(".symver __lxstat,__lxstat@" VERSION);
__asm__(".symver __fxstat,__fxstat@" VERSION);

int __xstat(int version, const char *path, struct stat *status);
int __lxstat(int version, const char *path, struct stat *status);
int __fxstat(int version, int descriptor, struct stat *status);

HIDDEN int stat(const char *path, struct stat *status)
{
    return __xstat(STRUCT_VERSION, path, status);
}

HIDDEN int lstat(const char *path, struct stat *status)
{
    return __lxstat(STRUCT_VERSION, path, status);
}

HIDDEN int fstat(int descriptor, struct stat *status)
{
    return __fxstat(STRUCT_VERSION, descriptor, status);
}
