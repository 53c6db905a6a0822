/*
 * Many texts sought in many values at once, for sigma2hive.native.
 *
 * Takes texts once, then values; finds which of them stand in which values, each pair once. Of each
 * text three bytes that are rare are its sign: a value is passed over by its own threes, and only
 * where one is a sign are whole texts compared. It takes a fraction of the time that an automaton
 * takes to be made, and no more to search.
 *
 * An edge stands before and after each value, and in a text where a value has to begin or end. It is
 * no byte of UTF-8, so that nothing is found across two values. Nothing here knows Python.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

enum {
    EDGE = 0xFF,
    SIGN = 3,              /* bytes */
    LEAST_BITS = 9,        /* of the hash of a sign */
    MOST_BITS = 16,
    SLOTS_OF_TEXT = 8
};
#define LARGEST_SEARCHED ((size_t)1 << 30)

/* A sign, the text that it is of, and where it stands in that. */
typedef struct {
    uint32_t sign, text, at;
} Entry;

typedef struct {
    uint32_t count, shorter; /* texts, and how many of them are shorter than a sign */
    uint8_t *bytes;          /* of all texts, one after the other */
    uint32_t *start;         /* where each begins, and the last ends */
    uint32_t *short_texts;
    uint32_t shift;          /* of what a sign is multiplied by */
    uint8_t *is_used;        /* a bit for each hash: most of them are of no sign */
    uint32_t *first;         /* for each hash where its entries begin; they end where the next do */
    Entry *entries;
} Search;

/*
 * What was found: pairs of a value and a text in it, in the order of the values. `texts` are those
 * that were found, each once, and `places` say for each pair which of them it is. `odd` are values
 * that were passed over.
 */
typedef struct {
    uint32_t pairs, texts, odd, values;
    uint32_t *pair_values, *places, *text, *odd_values;
    uint32_t pairs_room, texts_room, odd_room;
} Found;

static uint32_t sign_at(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
}

static uint32_t hash_of(uint32_t sign, uint32_t shift) { return sign * 0x9E3779B1u >> shift; }

/* Tells how usual each byte is in logs, of small letters. */
static void tell_usual(uint8_t *usual)
{
    memset(usual, 1, 256);
    for (const char *byte = ".-_/0123"; *byte; byte++)
        usual[(uint8_t)*byte] = 2;
    memset(usual + 'a', 3, 26);
    for (const char *byte = "etaoinsrl \"\\"; *byte; byte++)
        usual[(uint8_t)*byte] = 4;
}

EXPORTED void s2h_free_search(Search *search)
{
    if (!search)
        return;
    free(search->bytes);
    free(search->start);
    free(search->short_texts);
    free(search->is_used);
    free(search->first);
    free(search->entries);
    free(search);
}

/* Chooses the sign of each text: of its threes one that few texts have, and that is rare in logs. */
static int has_signs(Search *search, Entry *chosen, uint32_t *seen)
{
    uint32_t shift = search->shift, number = 0;
    uint8_t usual[256];
    tell_usual(usual);
    for (uint32_t text = 0; text < search->count; text++)
        for (uint32_t at = search->start[text]; at + SIGN <= search->start[text + 1]; at++)
            seen[hash_of(sign_at(search->bytes + at), shift)]++;
    for (uint32_t text = 0; text < search->count; text++) {
        uint32_t start = search->start[text], end = search->start[text + 1];
        uint32_t least = UINT32_MAX;
        if (end - start < SIGN) {
            search->short_texts[search->shorter++] = text;
            continue;
        }
        for (uint32_t at = start; at + SIGN <= end; at++) {
            const uint8_t *bytes = search->bytes + at;
            uint32_t sign = sign_at(bytes), others = seen[hash_of(sign, shift)];
            uint32_t cost = (others < 1u << 20 ? others : 1u << 20) * 8 + usual[bytes[0]]
                + usual[bytes[1]] + usual[bytes[2]];
            if (cost < least) {
                Entry one = {sign, text, at - start};
                least = cost;
                chosen[number] = one;
            }
        }
        number++;
    }
    return (int)number;
}

/* Puts the entries with one hash together. */
static void put_in_order(Search *search, const Entry *chosen, uint32_t count, uint32_t size)
{
    for (uint32_t number = 0; number < count; number++) {
        uint32_t hash = hash_of(chosen[number].sign, search->shift);
        search->first[hash]++;
        search->is_used[hash >> 3] |= (uint8_t)(1u << (hash & 7));
    }
    for (uint32_t hash = 0, before = 0; hash <= size; hash++) {
        uint32_t here = search->first[hash];
        search->first[hash] = before += here;
    }
    /* Each hash counts down from where the next begins to where it begins itself. */
    for (uint32_t number = count; number-- > 0;) {
        uint32_t hash = hash_of(chosen[number].sign, search->shift);
        search->entries[--search->first[hash]] = chosen[number];
    }
}

/* Returns a search for texts, folded ones; NULL where memory is short. */
EXPORTED Search *s2h_search(const uint8_t *texts, const uint32_t *lengths, uint32_t count)
{
    Search *search = calloc(1, sizeof *search);
    Entry *chosen = NULL;
    uint32_t *seen = NULL;
    uint32_t bits = LEAST_BITS, size, end = 0;
    if (!search)
        return NULL;
    while (bits < MOST_BITS && (uint64_t)1 << bits < (uint64_t)count * SLOTS_OF_TEXT)
        bits++;
    size = 1u << bits;
    search->count = count;
    search->shift = 32 - bits;
    search->start = malloc(((size_t)count + 1) * sizeof *search->start);
    search->short_texts = malloc(((size_t)count + 1) * sizeof *search->short_texts);
    search->entries = malloc(((size_t)count + 1) * sizeof *search->entries);
    search->first = calloc((size_t)size + 1, sizeof *search->first);
    search->is_used = calloc(size / 8, 1);
    chosen = malloc(((size_t)count + 1) * sizeof *chosen);
    seen = calloc(size, sizeof *seen);
    if (!search->start || !search->short_texts || !search->entries || !search->first
        || !search->is_used || !chosen || !seen)
        goto failed;
    for (uint32_t text = 0; text < count; text++) {
        search->start[text] = end;
        if (lengths[text] > LARGEST_SEARCHED || end > LARGEST_SEARCHED)
            goto failed;
        end += lengths[text];
    }
    search->start[count] = end;
    search->bytes = malloc((size_t)end + 1);
    if (!search->bytes)
        goto failed;
    if (end)
        memcpy(search->bytes, texts, end);
    put_in_order(search, chosen, (uint32_t)has_signs(search, chosen, seen), size);
    free(chosen);
    free(seen);
    return search;
failed:
    free(chosen);
    free(seen);
    s2h_free_search(search);
    return NULL;
}

EXPORTED void s2h_free_found(Found *found)
{
    if (!found)
        return;
    free(found->pair_values);
    free(found->places);
    free(found->text);
    free(found->odd_values);
    free(found);
}

static int has_room(uint32_t **numbers, uint32_t *room, uint32_t count)
{
    uint32_t more = *room ? *room * 2 : 64;
    uint32_t *made;
    if (count < *room)
        return 1;
    if (more <= *room)
        return 0;
    made = realloc(*numbers, (size_t)more * sizeof *made);
    if (!made)
        return 0;
    *numbers = made;
    *room = more;
    return 1;
}

/* For each text the last value in which it was found, counted from one, and its place in `found`. */
typedef struct {
    uint32_t value, place;
} Seen;

static int has_pair(Found *found, Seen *seen, uint32_t text, uint32_t value)
{
    uint32_t room = found->pairs_room;
    if (seen[text].value == value + 1)
        return 1;
    if (!seen[text].value) {
        if (!has_room(&found->text, &found->texts_room, found->texts))
            return 0;
        seen[text].place = found->texts;
        found->text[found->texts++] = text;
    }
    seen[text].value = value + 1;
    if (!has_room(&found->pair_values, &room, found->pairs)
        || !has_room(&found->places, &found->pairs_room, found->pairs))
        return 0;
    found->pair_values[found->pairs] = value;
    found->places[found->pairs++] = seen[text].place;
    return 1;
}

/* Looks for texts that are shorter than a sign. */
static int has_short(
    const Search *search, const uint8_t *start, const uint8_t *end, uint32_t value, Found *found,
    Seen *seen)
{
    for (uint32_t number = 0; number < search->shorter; number++) {
        uint32_t text = search->short_texts[number];
        const uint8_t *sought = search->bytes + search->start[text], *at = start;
        size_t length = search->start[text + 1] - search->start[text];
        if (!length && !has_pair(found, seen, text, value))
            return 0;
        while (length && (size_t)(end - at) >= length
            && (at = memchr(at, sought[0], (size_t)(end - at) - length + 1))) {
            if (memcmp(at, sought, length) == 0) {
                if (!has_pair(found, seen, text, value))
                    return 0;
                break;
            }
            at++;
        }
    }
    return 1;
}

/* Looks for all texts in one value, its edges included; returns whether there was memory. */
static int has_looked(
    const Search *search, const uint8_t *start, const uint8_t *end, uint32_t value, Found *found,
    Seen *seen)
{
    const uint8_t *is_used = search->is_used;
    uint32_t shift = search->shift, sign;
    if (search->shorter && !has_short(search, start, end, value, found, seen))
        return 0;
    if (end - start < SIGN)
        return 1;
    sign = (uint32_t)start[0] << 8 | (uint32_t)start[1] << 16;
    for (const uint8_t *at = start; at + SIGN <= end; at++) {
        uint32_t hash;
        sign = sign >> 8 | (uint32_t)at[2] << 16;
        hash = hash_of(sign, shift);
        if (!(is_used[hash >> 3] >> (hash & 7) & 1))
            continue;
        for (uint32_t number = search->first[hash]; number < search->first[hash + 1]; number++) {
            const Entry *entry = search->entries + number;
            uint32_t first = search->start[entry->text];
            size_t length = search->start[entry->text + 1] - first;
            if (entry->sign != sign || seen[entry->text].value == value + 1
                || (size_t)(at - start) < entry->at || (size_t)(end - at) < length - entry->at
                || memcmp(at - entry->at, search->bytes + first, length) != 0)
                continue;
            if (!has_pair(found, seen, entry->text, value))
                return 0;
        }
    }
    return 1;
}

/* Returns what stands in folded values with an edge around each; NULL where memory is short. */
EXPORTED Found *s2h_sought(const Search *search, const uint8_t *joined, size_t size)
{
    Found *found = size <= LARGEST_SEARCHED ? calloc(1, sizeof *found) : NULL;
    Seen *seen = calloc((size_t)search->count + 1, sizeof *seen);
    const uint8_t *at = joined, *end = joined + size;
    if (!found || !seen)
        goto failed;
    while (at + 1 < end) {
        const uint8_t *edge = memchr(at + 1, EDGE, (size_t)(end - at - 1));
        if (!edge)
            break;
        if (!has_looked(search, at, edge + 1, found->values++, found, seen))
            goto failed;
        at = edge;
    }
    free(seen);
    return found;
failed:
    free(seen);
    s2h_free_found(found);
    return NULL;
}

/* Writes a value with an edge around it and small letters only; returns whether it is all ASCII. */
static int is_folded(uint8_t *to, const uint8_t *at, size_t length)
{
    uint8_t all = 0;
    *to++ = EDGE;
    for (size_t number = 0; number < length; number++) {
        uint8_t byte = at[number];
        all |= byte;
        to[number] = (uint8_t)(byte + ((uint8_t)(byte - 'A') < 26) * ('a' - 'A'));
    }
    to[length] = EDGE;
    return all < 0x80;
}

/*
 * Returns what stands in values as they are, of which each ends where `ends` says and the next one
 * begins after a separator. Those that are not all ASCII, or have so many bytes, are `odd`: others
 * know how to fold them, or what stands in their place. NULL where memory is short.
 */
EXPORTED Found *s2h_sought_in(
    const Search *search, const uint8_t *values, const uint32_t *ends, uint32_t count,
    uint32_t odd_length)
{
    Found *found = calloc(1, sizeof *found);
    Seen *seen = calloc((size_t)search->count + 1, sizeof *seen);
    uint8_t *folded = NULL;
    size_t longest = 0;
    if (!found || !seen)
        goto failed;
    for (uint32_t value = 0, start = 0; value < count; start = ends[value++] + 1)
        if (ends[value] - start > longest)
            longest = ends[value] - start;
    folded = malloc(longest + 2);
    if (!folded)
        goto failed;
    for (uint32_t start = 0; found->values < count; found->values++) {
        uint32_t value = found->values;
        size_t length = ends[value] - start;
        if (length == odd_length || !is_folded(folded, values + start, length)) {
            if (!has_room(&found->odd_values, &found->odd_room, found->odd))
                goto failed;
            found->odd_values[found->odd++] = value;
        } else if (!has_looked(search, folded, folded + length + 2, value, found, seen)) {
            goto failed;
        }
        start = ends[value] + 1;
    }
    free(folded);
    free(seen);
    return found;
failed:
    free(folded);
    free(seen);
    s2h_free_found(found);
    return NULL;
}

/*
 * Sets the bits of rows by the texts that were found in their values: a bitmap of `size` bytes for
 * each of `found->texts`, one after the other. Row `rows[n]` has the value `values[n]`. Returns
 * whether there was memory.
 */
EXPORTED int s2h_rows_found(
    const Found *found, const int32_t *rows, const uint32_t *values, uint32_t count, uint8_t *bits,
    size_t size)
{
    uint32_t *first = calloc((size_t)found->values + 1, sizeof *first);
    if (!first)
        return 0;
    for (uint32_t pair = 0; pair < found->pairs; pair++)
        first[found->pair_values[pair] + 1]++;
    for (uint32_t value = 0; value < found->values; value++)
        first[value + 1] += first[value];
    for (uint32_t at = 0; at < count; at++) {
        uint32_t value = values[at];
        size_t byte = (size_t)rows[at] >> 3;
        if (value >= found->values || byte >= size)
            continue;
        for (uint32_t pair = first[value]; pair < first[value + 1]; pair++)
            bits[found->places[pair] * size + byte] |= (uint8_t)(1u << (rows[at] & 7));
    }
    free(first);
    return 1;
}
