/* Counts calls by family of kernels: see check/dispatched.h. */
#include "check/dispatched.h"

#include <inttypes.h>
#include <stdio.h>

#include "text_table.h"

static const char *pass_name(varlen_pass pass)
{
    return pass == VARLEN_PASS_FORWARD ? "forward" : "backward";
}

/* Contexts of one device tell their families in one order. */
void dispatch_counts_add(dispatch_counts *counts, const varlen_context *context)
{
    const int32_t told = varlen_kernel_family_count(context);
    for (int32_t i = 0; i < told && i < DISPATCH_LIMIT; i++) {
        varlen_kernel_family family = {.struct_size = sizeof family};
        if (varlen_get_kernel_family(context, i, &family) != VARLEN_OK)
            continue;
        family.calls += counts->families[i].calls;
        counts->families[i] = family;
        counts->count = i + 1 > counts->count ? i + 1 : counts->count;
    }
}

void dispatch_counts_print(const dispatch_counts *counts)
{
    text_table table = {.columns = 3};
    text_table_add(&table, "  calls");
    text_table_add(&table, "pass");
    text_table_add(&table, "kernels");
    for (int i = 0; i < counts->count; i++) {
        text_table_add(&table, "%7" PRIu64, counts->families[i].calls);
        text_table_add(&table, "%s", pass_name(counts->families[i].pass));
        text_table_add(&table, "%s", counts->families[i].name);
    }
    text_table_print(&table, stdout);
}

static bool pass_ran(const dispatch_counts *counts, varlen_pass pass)
{
    for (int i = 0; i < counts->count; i++)
        if (counts->families[i].pass == pass && counts->families[i].calls > 0)
            return true;
    return false;
}

bool dispatch_counts_all_ran(const dispatch_counts *counts)
{
    bool all = true;
    for (int i = 0; i < counts->count; i++) {
        const varlen_kernel_family *family = &counts->families[i];
        if (family->calls > 0 || !pass_ran(counts, family->pass))
            continue;
        printf("FAILED %s took no call of the %s pass\n", family->name, pass_name(family->pass));
        all = false;
    }
    return all;
}
