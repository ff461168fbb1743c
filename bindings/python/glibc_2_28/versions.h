/* Included ahead of every source of a wheel: binds functions to the versions that glibc 2.28 has of them, so that what is
 * built on a newer system loads on an older one. build_wheels.py fails where a function is missing here. */
#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#define DLADDR1 "GLIBC_2.3.3"
#else
#define OLDEST "GLIBC_2.17"
#define DLADDR1 "GLIBC_2.17"
#endif
#define BIND(function, version) __asm__(".symver " #function "," #function "@" version)

/* Since 2.34 parts of libc.so.6; build_wheels.py links libdl.so.2 and libpthread.so.0 for their sake. */
BIND(dlopen, OLDEST);
BIND(dlsym, OLDEST);
BIND(dlclose, OLDEST);
BIND(dlerror, OLDEST);
BIND(dladdr, OLDEST);
BIND(dladdr1, DLADDR1);
BIND(pthread_create, OLDEST);
BIND(pthread_join, OLDEST);
BIND(pthread_once, OLDEST);
BIND(pthread_key_create, OLDEST);
BIND(pthread_getspecific, OLDEST);
BIND(pthread_setspecific, OLDEST);
BIND(pthread_sigmask, OLDEST);
BIND(pthread_attr_setstacksize, OLDEST);
#if defined(__x86_64__)
BIND(pthread_setname_np, "GLIBC_2.12");
#else
BIND(pthread_setname_np, OLDEST);
#endif

/* Newer versions since 2.29. */
BIND(exp, OLDEST);
BIND(log, OLDEST);
BIND(pow, OLDEST);

#undef BIND
#undef OLDEST
#undef DLADDR1
