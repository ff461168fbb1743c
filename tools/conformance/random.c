/* The numbers of a case; see random.h. */
#include "random.h"

uint64_t random_seed_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

/* SplitMix64. */
uint64_t random_bits(random_source *source)
{
    uint64_t bits = source->state += 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

int64_t random_below(random_source *source, int64_t bound)
{
    return (int64_t)(random_bits(source) % (uint64_t)bound);
}

double random_uniform(random_source *source)
{
    return (double)(random_bits(source) >> 11) * 0x1p-53;
}

/* A sum of four uniform numbers is near enough to a bell, and needs no function whose last bit differs by libm. */
double random_normal(random_source *source)
{
    const double root_of_three = 1.7320508075688772;
    double sum = 0;
    for (int n = 0; n < 4; n++)
        sum += random_uniform(source);
    return (sum - 2) * root_of_three;
}
