/* See shared_track.h. */
#include "shared_track.h"

#include <string.h>

/* A thread that wrote before anybody was looking; any fence is taken for its. */
constexpr int16_t early_writer = -1;

simt_shared::simt_shared(const simt_block &block)
    : base(block.shared), bytes(block.shared_bytes), known(block.shared, block.shared + block.shared_bytes),
      unfenced((size_t)block.shared_bytes / 4 + 1), written(block.threads.size() + 1),
      pieces((size_t)block.shared_bytes / 16 + 1, {simt_any_layout, false, 0})
{
    for (int32_t at = 0; at + 4 <= bytes; at += 4) {
        uint32_t word;
        memcpy(&word, base + at, 4);
        if (word == 0xffffffff)
            continue;
        unfenced[(size_t)at / 4] = early_writer;
        written[0].push_back(at / 4);
    }
}

int32_t simt_shared::offset(const void *address, int32_t size, const char *what) const
{
    const char *place = (const char *)address;
    if (place < base || place + size > base + bytes)
        simt_fail("%s: %d bytes there are not in the block's shared memory", what, size);
    return (int32_t)(place - base);
}

void simt_shared::wrote(int32_t at, int32_t size)
{
    for (int32_t number = at / 16; number <= (at + size - 1) / 16; number++) {
        piece &state = pieces[(size_t)number];
        if (state.on_its_way)
            simt_fail("writes to shared memory + %d, where a copy is on its way", at);
        if (state.readers)
            simt_fail("writes to shared memory + %d, which a product or a store still reads", at);
        state.layout = simt_any_layout;
    }
    memcpy(&known[(size_t)at], base + at, (size_t)size);
    const int16_t writer = (int16_t)(1 + simt_current->index);
    for (int32_t word = at / 4; word <= (at + size - 1) / 4; word++) {
        unfenced[(size_t)word] = writer;
        written[(size_t)writer].push_back(word);
    }
}

static void clear_writer(simt_shared &shared, size_t list, int16_t writer)
{
    for (int32_t word : shared.written[list])
        if (shared.unfenced[(size_t)word] == writer)
            shared.unfenced[(size_t)word] = 0;
    shared.written[list].clear();
}

void simt_shared::fence()
{
    clear_writer(*this, (size_t)simt_current->index + 1, (int16_t)(1 + simt_current->index));
    clear_writer(*this, 0, early_writer);
}

static void require_fenced(const simt_shared &shared, int32_t at, const char *who)
{
    for (int32_t word = at / 4; word < at / 4 + 4; word++) {
        const int16_t writer = shared.unfenced[(size_t)word];
        if (writer == early_writer)
            simt_fail("%s: shared memory + %d was written and has not been fenced", who, word * 4);
        if (writer)
            simt_fail("%s: thread %d wrote to shared memory + %d and has not fenced it", who, writer - 1, word * 4);
    }
}

void simt_shared::begin_write(int32_t at)
{
    piece &state = pieces[(size_t)at / 16];
    if (state.on_its_way)
        simt_fail("a copy to shared memory + %d, where another is on its way", at);
    if (state.readers)
        simt_fail("a copy to shared memory + %d, which a product or a store still reads", at);
    require_fenced(*this, at, "a copy to what is there");
    state.on_its_way = true;
    memset(base + at, 0xff, 16);
    memset(&known[(size_t)at], 0xff, 16);
}

void simt_shared::end_write(int32_t at, const char (&content)[16], int layout)
{
    if (memcmp(base + at, &known[(size_t)at], 16) != 0)
        simt_fail("shared memory + %d was written while a copy was on its way there", at);
    memcpy(base + at, content, 16);
    memcpy(&known[(size_t)at], content, 16);
    pieces[(size_t)at / 16].on_its_way = false;
    pieces[(size_t)at / 16].layout = (int16_t)layout;
}

void simt_shared::begin_read(int32_t at, int layout, const char *reader)
{
    piece &state = pieces[(size_t)at / 16];
    if (state.on_its_way)
        simt_fail("%s: shared memory + %d is still to come by a copy that nobody has waited for", reader, at);
    require_fenced(*this, at, reader);
    if (state.layout != simt_any_layout && state.layout != layout)
        simt_fail("%s: shared memory + %d was copied with a swizzle of %d bytes, and is read with one of %d", reader,
                  at, state.layout, layout);
    if (memcmp(base + at, &known[(size_t)at], 16) != 0)
        simt_fail("%s: shared memory + %d was written by other means than shared_store, store_16 and copies", reader,
                  at);
    state.readers++;
}

void simt_shared::end_read(int32_t at, const char *content, const char *reader)
{
    if (memcmp(base + at, content, 16) != 0)
        simt_fail("%s: shared memory + %d was written while it was being read", reader, at);
    pieces[(size_t)at / 16].readers--;
}

void simt_reading::expect(int count)
{
    places.reserve(places.size() + (size_t)count);
    content.reserve(content.size() + 16 * (size_t)count);
}

size_t simt_reading::begin(simt_shared &shared, int32_t at, int layout)
{
    if (at < 0 || at % 16 != 0 || at + 16 > shared.bytes)
        simt_fail("%s: there is no shared memory + %d", reader, at);
    shared.begin_read(at, layout, reader);
    places.push_back(at);
    content.insert(content.end(), shared.base + at, shared.base + at + 16);
    return places.size() - 1;
}

void simt_reading::end(simt_shared &shared) const
{
    for (size_t i = 0; i < places.size(); i++)
        shared.end_read(places[i], &content[16 * i], reader);
}
