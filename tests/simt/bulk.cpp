/* See bulk.h. */
#include "bulk.h"

#include "arrivals.h"

#include <string.h>

static const char store_name[] = "a store";

/* ---- Boxes --------------------------------------------------------------------------------------------------------
 */

/* 16 bytes of a box: their place behind the box's start, without a swizzle, and where each element is in the tensor. */
struct box_piece {
    int32_t place;
    int32_t elements;
    char *element[16]; /* NULL: outside */
};

struct simt_box {
    simt_tensor tensor;
    int32_t at[5];

    int32_t rows() const
    {
        uint32_t all = 1;
        for (int n = 1; n < tensor.dimensions; n++)
            all *= tensor.box[n];
        return (int32_t)all;
    }

    int32_t row_bytes() const
    {
        return (int32_t)tensor.box[0] * tensor.element_bytes;
    }

    /* The start of the box's row in the tensor, as a distance from its data; false if the row is outside. */
    bool row_offset(int32_t row, int64_t *offset) const
    {
        *offset = 0;
        for (int n = 1; n < tensor.dimensions; n++) {
            const int64_t place = at[n] + row % (int32_t)tensor.box[n];
            row /= (int32_t)tensor.box[n];
            if (place < 0 || place >= (int64_t)tensor.size[n])
                return false;
            *offset += place * (int64_t)tensor.stride[n];
        }
        return true;
    }

    box_piece piece(int32_t row, int32_t number) const
    {
        box_piece piece = {row * row_bytes() + number * 16, 16 / tensor.element_bytes, {}};
        int64_t offset;
        if (!row_offset(row, &offset))
            return piece;
        for (int i = 0; i < piece.elements; i++) {
            const int64_t column = at[0] + number * piece.elements + i;
            if (column >= 0 && column < (int64_t)tensor.size[0])
                piece.element[i] =
                    (char *)((uintptr_t)tensor.data + (uintptr_t)(offset + column * tensor.element_bytes));
        }
        return piece;
    }

    template <typename F> void for_each_piece(F f) const
    {
        for (int32_t row = 0; row < rows(); row++)
            for (int32_t number = 0; number < row_bytes() / 16; number++)
                f(piece(row, number));
    }
};

static simt_box box_at(const simt_tensor &tensor, const int32_t *at, int32_t dimensions)
{
    if (at[0] * tensor.element_bytes % 16 != 0)
        simt_fail("a box at element %d of a row: no multiple of 16 bytes", at[0]);
    if (dimensions != tensor.dimensions)
        simt_fail("%d coordinates in a tensor of %d dimensions", dimensions, tensor.dimensions);
    simt_box box = {tensor, {}};
    memcpy(box.at, at, (size_t)dimensions * sizeof *at);
    return box;
}

/* Destinations and sources of boxes. */
static int32_t box_place(const simt_box &box, const void *address, const char *what)
{
    const int32_t bytes = box.rows() * box.row_bytes();
    const int32_t place = simt_asynchronous().shared.offset(address, bytes, what);
    if (place % 128 != 0)
        simt_fail("%s: shared memory + %d is no multiple of 128", what, place);
    return place;
}

static void require_bulk(const void *global, int32_t shared, int32_t bytes, const char *what)
{
    if (bytes <= 0 || bytes % 16 != 0)
        simt_fail("%s: %d bytes are no multiple of 16", what, bytes);
    if ((uintptr_t)global % 16 != 0 || shared % 16 != 0)
        simt_fail("%s: an address is no multiple of 16", what);
}

/* ---- To shared memory ---------------------------------------------------------------------------------------------
 */

void simt_copy_bulk(void *to, const void *from, int32_t bytes, void *barrier)
{
    simt_shared &shared = simt_asynchronous().shared;
    const int32_t place = shared.offset(to, bytes, "copy_bulk");
    require_bulk(from, place, bytes, "copy_bulk");
    for (int32_t i = 0; i < bytes; i += 16)
        shared.begin_write(place + i);
    simt_barrier_copy(barrier, bytes, [&shared, place, from, bytes] {
        for (int32_t i = 0; i < bytes; i += 16) {
            char content[16];
            memcpy(content, (const char *)from + i, 16);
            shared.end_write(place + i, content, 0);
        }
    });
}

/* The hardware reads where a map begins when no element of a box is inside; a sanitizer tells whether that may be. */
static void read_in_place_of_nothing(const simt_box &box)
{
    bool inside = false;
    box.for_each_piece([&](const box_piece &piece) {
        for (int i = 0; i < piece.elements; i++)
            inside = inside || piece.element[i];
    });
    if (!inside)
        (void)*(const volatile char *)box.tensor.data;
}

void simt_copy_tensor(void *to, const simt_tensor &tensor, const int32_t *at, int32_t dimensions, void *barrier)
{
    simt_shared &shared = simt_asynchronous().shared;
    const simt_box box = box_at(tensor, at, dimensions);
    const int32_t place = box_place(box, to, "copy_tensor");
    read_in_place_of_nothing(box);
    box.for_each_piece(
        [&](const box_piece &piece) { shared.begin_write(simt_swizzled(place + piece.place, tensor.swizzle)); });
    simt_barrier_copy(barrier, box.rows() * box.row_bytes(), [&shared, place, box] {
        box.for_each_piece([&](const box_piece &piece) {
            char content[16] = {};
            for (int i = 0; i < piece.elements; i++)
                if (piece.element[i])
                    memcpy(content + i * box.tensor.element_bytes, piece.element[i], (size_t)box.tensor.element_bytes);
            shared.end_write(simt_swizzled(place + piece.place, box.tensor.swizzle), content, box.tensor.swizzle);
        });
    });
}

/* ---- To global memory ---------------------------------------------------------------------------------------------
 */

static std::deque<simt_store_group> &stores_of_thread()
{
    std::deque<simt_store_group> &groups = simt_asynchronous().stores[simt_current->index];
    if (groups.empty())
        groups.emplace_back();
    return groups;
}

void simt_store_bulk(void *to, const void *from, int32_t bytes, bool add)
{
    simt_shared &shared = simt_asynchronous().shared;
    const int32_t place = shared.offset(from, bytes, "store_bulk");
    require_bulk(to, place, bytes, "store_bulk");
    simt_store store = {{store_name, {}, {}}, {}};
    for (int32_t i = 0; i < bytes; i += 16)
        store.reading.begin(shared, place + i, 0);
    store.write = [to, bytes, add](const simt_reading &reading) {
        if (!add) {
            memcpy(to, reading.content.data(), (size_t)bytes);
            return;
        }
        for (int32_t i = 0; i < bytes / 4; i++) {
            float value;
            memcpy(&value, &reading.content[4 * (size_t)i], 4);
            ((float *)to)[i] += value;
        }
    };
    stores_of_thread().back().stores.push_back(store);
}

void simt_store_tensor(const simt_tensor &tensor, const int32_t *at, int32_t dimensions, const void *from)
{
    simt_shared &shared = simt_asynchronous().shared;
    const simt_box box = box_at(tensor, at, dimensions);
    const int32_t place = box_place(box, from, "store_tensor");
    for (int32_t n = 0; n < dimensions; n++)
        if (at[n] < 0)
            simt_fail("store_tensor: at[%d] = %d is below 0", n, at[n]);
    simt_store store = {{store_name, {}, {}}, {}};
    box.for_each_piece([&](const box_piece &piece) {
        store.reading.begin(shared, simt_swizzled(place + piece.place, tensor.swizzle), tensor.swizzle);
    });
    store.write = [box](const simt_reading &reading) {
        size_t number = 0;
        box.for_each_piece([&](const box_piece &piece) {
            const char *content = &reading.content[16 * number++];
            for (int i = 0; i < piece.elements; i++)
                if (piece.element[i])
                    memcpy(piece.element[i], content + i * box.tensor.element_bytes, (size_t)box.tensor.element_bytes);
        });
    };
    stores_of_thread().back().stores.push_back(store);
}

void simt_stores_commit()
{
    stores_of_thread().emplace_back();
}

void simt_stores_wait(size_t later, bool written)
{
    std::map<int32_t, std::deque<simt_store_group>> &all = simt_asynchronous().stores;
    const auto own = all.find(simt_current->index);
    if (own == all.end())
        return; /* as most threads, for which nothing need be allocated */
    std::deque<simt_store_group> &groups = own->second;
    for (size_t n = 0; n + 1 + later < groups.size(); n++) {
        simt_store_group &group = groups[n];
        if (!group.read)
            for (const simt_store &store : group.stores)
                store.reading.end(simt_asynchronous().shared);
        group.read = true;
    }
    while (written && groups.size() > later + 1) {
        for (const simt_store &store : groups.front().stores)
            store.write(store.reading);
        groups.pop_front();
    }
}
