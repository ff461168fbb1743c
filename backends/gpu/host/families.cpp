#include "host/families.h"

#include "host/instance_table.h"
#include "host/make_problem.h"
#include "platform/families.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

bool declines(family_reason *why, const char *format, ...)
{
    if (!why)
        return false;
    va_list values;
    va_start(values, format);
    vsnprintf(why->text, sizeof why->text, format, values);
    va_end(values);
    return false;
}

bool needs_no_plan(const varlen_attention &attention, family_reason *why)
{
    if (attention.features & VARLEN_FEATURE_KEY_RANGES)
        return declines(why, "key_begin and key_end have bounds to be found");
    if (attention.features & VARLEN_FEATURE_TREE_MASK)
        return declines(why, "queries beside tree_mask are to be counted");
    if (attention.features & VARLEN_FEATURE_KEY_STARTS)
        return declines(why, "key_starts may let sequences share keys");
    return true;
}

bool declines_wide(family_reason *why, const varlen_attention &attention)
{
    if (attention.head_dim > LARGEST_HEAD_DIM)
        return declines(why, "head_dim = %d is above %d", attention.head_dim, LARGEST_HEAD_DIM);
    return declines(why, "value_dim = %d is above %d", attention.value_dim, LARGEST_VALUE_DIM);
}

namespace
{

template <typename FAMILY, int COUNT> constexpr bool last_takes_all(const FAMILY *const (&list)[COUNT])
{
    return COUNT <= GPU_FAMILY_LIMIT && !list[COUNT - 1]->is_there && !list[COUNT - 1]->takes;
}
static_assert(last_takes_all(FORWARD_FAMILIES) && last_takes_all(BACKWARD_FAMILIES), "every problem has a family");

template <typename FAMILY> bool is_there(const gpu_state &state, const FAMILY &family)
{
    return !family.is_there || family.is_there(*state.architecture);
}

template <typename FAMILY>
bool takes(const gpu_state &state, const FAMILY &family, const varlen_attention &attention, family_reason *why)
{
    if (!is_there(state, family))
        return declines(why, "code for %s has no such kernels", state.architecture->code);
    return !family.takes || family.takes(state, attention, why);
}

bool is_forced(const gpu_state &state, const char *name)
{
    return state.forced_family && strcmp(name, state.forced_family) == 0;
}

/* The number of the family that is forced; -1 if the pass has none of the name, and goes by the list. */
template <typename FAMILY, int COUNT> int find_forced(const FAMILY *const (&list)[COUNT], const gpu_state &state)
{
    for (int i = 0; i < COUNT; i++)
        if (is_forced(state, list[i]->name) && is_there(state, *list[i]))
            return i;
    return -1;
}

template <typename FAMILY, int COUNT>
int choose_family(const FAMILY *const (&list)[COUNT], const gpu_state &state, const varlen_attention &attention)
{
    const int forced = find_forced(list, state);
    if (forced >= 0 && takes(state, *list[forced], attention, nullptr))
        return forced;
    int chosen = 0;
    while (chosen < COUNT - 1 && !takes(state, *list[chosen], attention, nullptr))
        chosen++;
    return chosen;
}

/* One line: who took a call, and why those before it did not. */
template <typename FAMILY, int COUNT>
void log_choice(const FAMILY *const (&list)[COUNT], const gpu_state &state, const varlen_attention &attention,
                const char *pass, int chosen)
{
    char declined[GPU_FAMILY_LIMIT * sizeof(family_reason)] = "";
    size_t length = 0;
    family_reason why;
    for (int i = 0; i < COUNT && length < sizeof declined; i++)
        if ((i < chosen || is_forced(state, list[i]->name)) && !takes(state, *list[i], attention, &why))
            length += (size_t)snprintf(declined + length, sizeof declined - length, "; %s does not: %s", list[i]->name,
                                       why.text);
    state.host->log(VARLEN_LOG_DEBUG, "%s: %s takes the call%s%s", pass, list[chosen]->name, declined,
                    is_forced(state, list[chosen]->name) ? "; VARLEN_GPU_KERNELS asks for it" : "");
}

/* All families have kernels of the same sizes, but for wide heads, of which all kernels are general. */
void name_kernel(const varlen_attention &attention, varlen_pass pass, char *text, size_t size)
{
    const bool general = may_be_general(attention);
    const int found = find_instance(attention.dtype, attention.head_dim, attention.value_dim, general);
    const instance_size &kernel = INSTANCES[found < INSTANCE_COUNT ? found : INSTANCE_COUNT - 1];
    const wide_size &wide = pass == VARLEN_PASS_FORWARD ? WIDE_FORWARD_SIZES[0] : WIDE_BACKWARD_SIZES[0];
    const bool of_wide = is_wide(attention);
    snprintf(text, size, "%s%s kernel for %shead_dim <= %d, value_dim <= %d",
             of_wide   ? "wide "
             : general ? "general "
                       : "",
             attention.dtype == VARLEN_BFLOAT16 ? "bfloat16" : "float16",
             attention.kv_dtype ? "quantised keys and values, " : "", of_wide ? wide.head_dim : kernel.head_dim,
             of_wide ? wide.value_dim : kernel.value_dim);
}

template <typename FAMILY, int COUNT>
void explain_pass(const FAMILY *const (&list)[COUNT], varlen_pass pass, const gpu_state &state,
                  const varlen_attention &attention, char *text, size_t size)
{
    const int chosen = choose_family(list, state, attention);
    const bool forced = is_forced(state, list[chosen]->name);
    char kernel[96];
    name_kernel(attention, pass, kernel, sizeof kernel);
    size_t length = (size_t)snprintf(text, size, "%s takes it, by its %s%s", list[chosen]->name, kernel,
                                     forced ? "; VARLEN_GPU_KERNELS asks for it" : "");
    for (int i = 0; i < COUNT && length < size; i++) {
        family_reason why;
        if (i == chosen)
            continue;
        if (takes(state, *list[i], attention, &why))
            declines(&why, forced ? "VARLEN_GPU_KERNELS asks for %s" : "%s comes first", list[chosen]->name);
        length += (size_t)snprintf(text + length, size - length, "\n%s does not: %s", list[i]->name, why.text);
    }
}

bool is_log_wanted(const gpu_state &state)
{
    const varlen_host &host = *state.host;
    return host.log_wanted && host.log_wanted(VARLEN_LOG_DEBUG);
}

template <typename FAMILY, int COUNT, typename ARGS>
varlen_status launch_pass(const FAMILY *const (&list)[COUNT], varlen_pass pass, const gpu_state &state,
                          varlen_stream stream, const varlen_attention &attention, const ARGS &args)
{
    const int chosen = choose_family(list, state, attention);
    if (is_log_wanted(state))
        log_choice(list, state, attention, pass == VARLEN_PASS_FORWARD ? "forward" : "backward", chosen);
    __atomic_fetch_add(&state.calls[pass][chosen], 1, __ATOMIC_RELAXED);
    return list[chosen]->launch(state, stream, attention, args);
}

template <typename FAMILY, int COUNT>
size_t workspace_of(const FAMILY *const (&list)[COUNT], const gpu_state &state, const varlen_attention &attention)
{
    return list[choose_family(list, state, attention)]->workspace(state, attention);
}

template <typename FAMILY, int COUNT>
varlen_status check_forced(const FAMILY *const (&list)[COUNT], const gpu_state &state,
                           const varlen_attention &attention)
{
    const int forced = find_forced(list, state);
    family_reason why;
    if (forced < 0 || takes(state, *list[forced], attention, &why))
        return VARLEN_OK;
    return gpu_host->fail(VARLEN_ERROR_UNSUPPORTED, "VARLEN_GPU_KERNELS = %s, which declines: %s", list[forced]->name,
                          why.text);
}

/* f(name, pass, number) for each family that the device has. */
template <typename FAMILY, int COUNT, typename F>
void for_each_of(const FAMILY *const (&list)[COUNT], varlen_pass pass, const gpu_state &state, F f)
{
    for (int i = 0; i < COUNT; i++)
        if (is_there(state, *list[i]))
            f(list[i]->name, pass, i);
}

template <typename F> void for_each_family(const gpu_state &state, F f)
{
    for_each_of(FORWARD_FAMILIES, VARLEN_PASS_FORWARD, state, f);
    for_each_of(BACKWARD_FAMILIES, VARLEN_PASS_BACKWARD, state, f);
}

/* The names that there are, each once, separated by commas. */
void list_names(const gpu_state &state, char *names, size_t size)
{
    const char *seen[2 * GPU_FAMILY_LIMIT];
    int count = 0;
    size_t length = 0;
    names[0] = '\0';
    for_each_family(state, [&](const char *name, varlen_pass, int) {
        for (int i = 0; i < count; i++)
            if (strcmp(seen[i], name) == 0)
                return;
        seen[count++] = name;
        if (length < size)
            length += (size_t)snprintf(names + length, size - length, "%s%s", length ? ", " : "", name);
    });
}

} // namespace

varlen_status gpu_choose_families(gpu_state *state)
{
    const char *wanted = gpu_host->environment("VARLEN_GPU_KERNELS");
    if (!wanted || !wanted[0] || strcmp(wanted, "auto") == 0)
        return VARLEN_OK;
    for_each_family(*state, [&](const char *name, varlen_pass, int) {
        if (strcmp(name, wanted) == 0)
            state->forced_family = name;
    });
    if (state->forced_family)
        return VARLEN_OK;
    char names[256];
    list_names(*state, names, sizeof names);
    return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT,
                          "VARLEN_GPU_KERNELS = \"%s\" is none of the families of kernels for this device: %s", wanted,
                          names);
}

varlen_status gpu_families_support(const gpu_state *state, const varlen_attention *attention, varlen_pass pass)
{
    return pass == VARLEN_PASS_FORWARD ? check_forced(FORWARD_FAMILIES, *state, *attention)
                                       : check_forced(BACKWARD_FAMILIES, *state, *attention);
}

size_t gpu_families_workspace(const gpu_state *state, const varlen_attention *attention, varlen_pass pass)
{
    return pass == VARLEN_PASS_FORWARD ? workspace_of(FORWARD_FAMILIES, *state, *attention)
                                       : workspace_of(BACKWARD_FAMILIES, *state, *attention);
}

varlen_status gpu_forward(const gpu_state *state, varlen_stream stream, const varlen_attention *attention,
                          const varlen_forward_args *args)
{
    return launch_pass(FORWARD_FAMILIES, VARLEN_PASS_FORWARD, *state, stream, *attention, *args);
}

varlen_status gpu_backward(const gpu_state *state, varlen_stream stream, const varlen_attention *attention,
                           const varlen_backward_args *args)
{
    return launch_pass(BACKWARD_FAMILIES, VARLEN_PASS_BACKWARD, *state, stream, *attention, *args);
}

int32_t gpu_kernel_families(void *state, int32_t index, varlen_kernel_family *family)
{
    const gpu_state &gpu = *(const gpu_state *)state;
    int32_t count = 0;
    for_each_family(gpu, [&](const char *name, varlen_pass pass, int number) {
        if (count++ != index)
            return;
        family->name = name;
        family->pass = pass;
        family->calls = __atomic_load_n(&gpu.calls[pass][number], __ATOMIC_RELAXED);
    });
    return count;
}

varlen_status gpu_explain(void *state, const varlen_attention *attention, varlen_pass pass, char *text, size_t size)
{
    const gpu_state &gpu = *(const gpu_state *)state;
    if (pass == VARLEN_PASS_FORWARD)
        explain_pass(FORWARD_FAMILIES, pass, gpu, *attention, text, size);
    else
        explain_pass(BACKWARD_FAMILIES, pass, gpu, *attention, text, size);
    return VARLEN_OK;
}
