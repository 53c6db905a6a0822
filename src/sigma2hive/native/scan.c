/*
 * Lines of JSON taken apart into columns, for sigma2hive.native.
 *
 * Takes the bytes of some lines; finds out which of them are one JSON object without surprises, and
 * where each value of it stands. A field's values are then given as numbers of distinct texts. What
 * is not surely plain is left to the careful reader: a line is never half believed.
 *
 * Nothing here knows Python. The text has to stay where it is while a scan of it is in use; it ends
 * in a line feed, or has a zero byte behind it. Neither stands in JSON's texts as it is, so that no
 * loop runs past it.
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

/* What a line is. */
enum { PLAIN = 0, CAREFUL = 1, BLANK = 2 };

/* What a value is. Null and what is empty are no values; an object is what is in it. */
enum { TEXT = 0, ESCAPED_TEXT = 1, INTEGER = 2, YES = 3, NO = 4, OTHER = 5 };

/* What else a key may have, where that is asked for: a text of nothing but lines' ends, null or an
   empty list, and an object. */
enum { LINES = 1, NOTHING = 6, OBJECT = 7 };

enum {
    DEEPEST = 24,            /* objects and arrays inside each other */
    LONGEST_INTEGER = 400,   /* characters; the careful reader keeps more as text */
    LONGEST_FRACTION = 40,   /* characters of a number that surely fits into a double */
    MOST_PROBES = 128,       /* of a table that is half full at most, which chance never comes to */
    NONE = 0xFFFFFFFFu
};
#define LARGEST_TEXT ((size_t)1 << 30)
#define KIND_SHIFT 29
#define LENGTH_MASK ((1u << KIND_SHIFT) - 1)
/* Between texts that are given together. */
#define SEPARATOR 0x1E

typedef struct {
    uint32_t parent, name, length; /* the name as it stands in the text */
    uint32_t hash;
    uint32_t seen_in;         /* number of the object that it was seen in last */
    uint32_t count, first;    /* values, and where they begin when sorted */
    uint32_t next, child;     /* the key that came after it, and first in it, the last time */
    uint8_t is_time, is_strange, kinds;
} Path;

typedef struct {
    uint32_t path, line, start, length; /* length with the kind above it */
} Found;

typedef struct {
    uint32_t line, start, length;
} Value;

/* What lines have alike: the marks of their keys, in their order. */
typedef struct {
    uint32_t start, length, hash;
} Shape;

typedef struct {
    uint32_t max_line;        /* bytes of a line without its ending */
    uint32_t max_values, max_depth;
    uint64_t max_path_bytes;
    uint32_t short_line;      /* a line that is no longer is within all limits */
    uint32_t max_lines;       /* that are read at once */
    /* names, each ended by a line feed: of fields that may hold the time, and of keys of no plain
       event. One that lies deeper has dots between the keys that lead to it. */
    const uint8_t *times, *strange;
    uint32_t times_size, strange_size;
    uint32_t has_shapes;      /* whether lines are told apart by their shapes */
} Settings;

typedef struct {
    const uint8_t *text;
    size_t size;
    Settings settings;
    uint32_t lines, lines_room;
    uint32_t *line_start, *line_end, *line_shape;
    uint8_t *line_kind, *line_odd;
    uint32_t paths, paths_room, table_size;
    Path *path;
    uint32_t *table;
    uint32_t found, found_room;
    Found *each;
    Value *values;
    uint32_t marks, marks_room, shapes, shapes_room, shapes_size;
    uint32_t *mark;           /* of all shapes, then of the line that is read */
    Shape *shape;
    uint32_t *shapes_table;
    uint32_t objects;         /* how many were opened so far */
    uint32_t top_child;
    /* of the line that is read */
    uint32_t line;
    uint32_t line_values, line_opened, line_members; /* members of objects and of lists */
    int has_time, is_odd;
    size_t taken;             /* bytes of the lines that were read */
    size_t hits_start, hits_end; /* of the list of hits in an answer, its brackets included */
} Scan;

static void *grown(void *old, uint32_t *room, uint32_t first, size_t each)
{
    uint32_t more = *room ? *room * 2 : first;
    void *made;
    if (more <= *room || (size_t)more * each > (size_t)1 << 33)
        return NULL;
    made = realloc(old, (size_t)more * each);
    if (made)
        *room = more;
    return made;
}

/* Returns a table of numbers in which nothing is. */
static uint32_t *empty_table(uint32_t size)
{
    uint32_t *table = malloc((size_t)size * sizeof *table);
    if (table)
        memset(table, 0xFF, (size_t)size * sizeof *table);
    return table;
}

/* ---- paths ---- */

/* Tells whether keys that lead to a path's parent, and the name below it, are those between dots. */
static int leads_to(
    const Scan *scan, uint32_t parent, const uint8_t *name, uint32_t length,
    const uint8_t *start, const uint8_t *end)
{
    for (;;) {
        const Path *path;
        if ((size_t)(end - start) < length || memcmp(end - length, name, length) != 0
            || memchr(name, '.', length))
            return 0;
        end -= length;
        if (parent == NONE || end == start)
            return parent == NONE && end == start;
        if (*--end != '.')
            return 0;
        path = scan->path + parent;
        name = scan->text + path->name;
        length = path->length;
        parent = path->parent;
    }
}

/* Tells whether a name below a parent is one of some, each ended by a line feed. */
static uint8_t is_named(
    const Scan *scan, const uint8_t *names, uint32_t size, uint32_t parent, const uint8_t *name,
    uint32_t length)
{
    uint32_t start = 0;
    for (uint32_t at = 0; at < size; at++) {
        if (names[at] != '\n')
            continue;
        if (leads_to(scan, parent, name, length, names + start, names + at))
            return 1;
        start = at + 1;
    }
    return 0;
}

static uint32_t hash_of(const uint8_t *bytes, size_t length, uint32_t seed)
{
    uint64_t hash = seed * 0x9E3779B97F4A7C15ull + length;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93ull;
        hash ^= hash >> 32;
        bytes += 8;
        length -= 8;
    }
    if (length) {
        uint64_t word = 0;
        memcpy(&word, bytes, length);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93ull;
    }
    hash ^= hash >> 29;
    hash *= 0xBF58476D1CE4E5B9ull;
    return (uint32_t)(hash >> 32);
}

static int widened(Scan *scan)
{
    uint32_t size = scan->table_size ? scan->table_size * 2 : 1024;
    uint32_t *table = empty_table(size);
    if (!table)
        return 0;
    for (uint32_t number = 0; number < scan->paths; number++) {
        uint32_t slot = scan->path[number].hash & (size - 1);
        while (table[slot] != NONE)
            slot = (slot + 1) & (size - 1);
        table[slot] = number;
    }
    free(scan->table);
    scan->table = table;
    scan->table_size = size;
    return 1;
}

/*
 * Returns the number of a key below a parent; NONE where memory is short, or where so many others
 * have its hash that somebody chose them.
 */
static uint32_t path_of(Scan *scan, uint32_t parent, uint32_t name, uint32_t length)
{
    const uint8_t *text = scan->text;
    const Settings *settings = &scan->settings;
    uint32_t hash = hash_of(text + name, length, parent), slot, probes = 0;
    Path *made;
    if (scan->paths * 2 >= scan->table_size && !widened(scan))
        return NONE;
    for (slot = hash & (scan->table_size - 1); scan->table[slot] != NONE;
         slot = (slot + 1) & (scan->table_size - 1)) {
        const Path *known = scan->path + scan->table[slot];
        if (known->hash == hash && known->parent == parent && known->length == length
            && memcmp(text + known->name, text + name, length) == 0)
            return scan->table[slot];
        if (++probes == MOST_PROBES)
            return NONE;
    }
    if (scan->paths == scan->paths_room) {
        Path *more = grown(scan->path, &scan->paths_room, 256, sizeof *more);
        if (!more)
            return NONE;
        scan->path = more;
    }
    made = scan->path + scan->paths;
    memset(made, 0, sizeof *made);
    made->parent = parent;
    made->name = name;
    made->length = length;
    made->hash = hash;
    made->next = made->child = NONE;
    made->is_strange
        = is_named(scan, settings->strange, settings->strange_size, parent, text + name, length);
    made->is_time = is_named(scan, settings->times, settings->times_size, parent, text + name, length);
    scan->table[slot] = scan->paths;
    return scan->paths++;
}

/* ---- texts ---- */

static const uint8_t *after_blanks(const uint8_t *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

/* Returns the byte after a character of UTF-8 that is not ASCII, NULL where it is none. */
static const uint8_t *after_character(const uint8_t *at, const uint8_t *end)
{
    uint8_t first = at[0];
    size_t more = first < 0xC2 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF5 ? 3 : 0;
    if (!more || (size_t)(end - at) <= more)
        return NULL;
    for (size_t number = 1; number <= more; number++)
        if ((at[number] & 0xC0) != 0x80)
            return NULL;
    if ((first == 0xE0 && at[1] < 0xA0) || (first == 0xED && at[1] > 0x9F)
        || (first == 0xF0 && at[1] < 0x90) || (first == 0xF4 && at[1] > 0x8F))
        return NULL;
    return at + more + 1;
}

static int digit_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Returns the number that four hexadecimal digits say, -1 where they are none. */
static int32_t unit_at(const uint8_t *at)
{
    int32_t unit = 0;
    for (int number = 0; number < 4; number++) {
        int digit = digit_of(at[number]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Returns the byte after an escape that begins at a backslash, NULL where it is none. */
static const uint8_t *after_escape(const uint8_t *at, const uint8_t *end)
{
    int32_t unit;
    switch (at[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return at + 2;
    case 'u':
        break;
    default:
        return NULL;
    }
    if (end - at < 6 || (unit = unit_at(at + 2)) < 0)
        return NULL;
    if (unit < 0xD800 || unit > 0xDFFF)
        return at + 6;
    if (unit > 0xDBFF || end - at < 12 || at[6] != '\\' || at[7] != 'u')
        return NULL;
    unit = unit_at(at + 8);
    return unit >= 0xDC00 && unit <= 0xDFFF ? at + 12 : NULL;
}

#define EACH(byte) (0x0101010101010101ull * (byte))
#define HAS_ZERO(word) (((word) - EACH(1)) & ~(word) & EACH(0x80))

/* Tells whether an escape stands for a character that most would write otherwise. */
static int is_odd_escape(const uint8_t *at)
{
    return at[1] == '/' || (at[1] == 'u' && at[2] == '0' && at[3] == '0');
}

/*
 * Returns where the closing quote of a text stands, NULL where there is none.
 * Of `escapes` 1 is set where there is any, 2 where one is odd.
 */
static const uint8_t *end_of_text(const uint8_t *at, const uint8_t *end, int *escapes)
{
    for (;;) {
        while (end - at >= 8) {
            uint64_t word, special;
            memcpy(&word, at, 8);
            special = HAS_ZERO(word ^ EACH('"')) | HAS_ZERO(word ^ EACH('\\'))
                | ((word - EACH(0x20)) & ~word & EACH(0x80)) | (word & EACH(0x80));
            if (special) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
                at += __builtin_ctzll(special) >> 3;
#endif
                break;
            }
            at += 8;
        }
        for (;;) {
            uint8_t byte = *at;
            if (byte == '"')
                return at;
            if (byte == '\\') {
                const uint8_t *after = after_escape(at, end);
                *escapes |= after && is_odd_escape(at) ? 3 : 1;
                at = after;
            } else if (byte >= 0x80) {
                at = after_character(at, end);
            } else if (byte < 0x20) {
                return NULL;
            } else {
                at++;
                break;
            }
            if (!at)
                return NULL;
        }
    }
}

static uint8_t *written(uint8_t *to, uint32_t point)
{
    if (point < 0x80) {
        *to++ = (uint8_t)point;
    } else if (point < 0x800) {
        *to++ = (uint8_t)(0xC0 | point >> 6);
        *to++ = (uint8_t)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        *to++ = (uint8_t)(0xE0 | point >> 12);
        *to++ = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        *to++ = (uint8_t)(0x80 | (point & 0x3F));
    } else {
        *to++ = (uint8_t)(0xF0 | point >> 18);
        *to++ = (uint8_t)(0x80 | (point >> 12 & 0x3F));
        *to++ = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        *to++ = (uint8_t)(0x80 | (point & 0x3F));
    }
    return to;
}

/* Writes what a text means that was found to be right, which is never longer than it. */
static uint8_t *unescaped(uint8_t *to, const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        const uint8_t *slash = memchr(at, '\\', (size_t)(end - at));
        size_t before = (size_t)((slash ? slash : end) - at);
        memcpy(to, at, before);
        to += before;
        if (!slash)
            break;
        at = slash + 2;
        switch (slash[1]) {
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 't': *to++ = '\t'; break;
        case 'u': {
            uint32_t point = (uint32_t)unit_at(slash + 2);
            at = slash + 6;
            if (point >= 0xD800 && point <= 0xDBFF) {
                point = 0x10000 + ((point - 0xD800) << 10) + ((uint32_t)unit_at(slash + 8) - 0xDC00);
                at = slash + 12;
            }
            to = written(to, point);
            break;
        }
        default: *to++ = slash[1];
        }
    }
    return to;
}

/* ---- times ---- */

static int two(const uint8_t *at)
{
    return at[0] >= '0' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9'
        ? (at[0] - '0') * 10 + at[1] - '0' : -1;
}

/* Tells whether a text is a time of the years 1970 to 2099, usually written, of any day to the 28th. */
static int is_usual_time(const uint8_t *at, size_t length)
{
    int century, year, month, day, hour, minute, second;
    if (length < 19 || length > 30)
        return 0;
    century = two(at), year = two(at + 2), month = two(at + 5), day = two(at + 8);
    hour = two(at + 11), minute = two(at + 14), second = two(at + 17);
    if (at[4] != '-' || at[7] != '-' || (at[10] != 'T' && at[10] != ' ') || at[13] != ':'
        || at[16] != ':')
        return 0;
    if (!(century == 20 ? year >= 0 : century == 19 && year >= 70) || month < 1 || month > 12
        || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59
        || second < 0 || second > 59)
        return 0;
    if (day > 28 && (month == 2 || (day == 31 && (month == 4 || month == 6 || month == 9
        || month == 11))))
        return 0;
    at += 19, length -= 19;
    if (length && at[length - 1] == 'Z')
        length--;
    if (!length)
        return 1;
    if (length < 2 || length > 10 || at[0] != '.')
        return 0;
    for (size_t number = 1; number < length; number++)
        if (at[number] < '0' || at[number] > '9')
            return 0;
    return 1;
}

/* ---- values ---- */

typedef struct {
    uint32_t parent;  /* of the keys inside, NONE at the top */
    uint32_t depth;   /* of what is opened next */
    int is_listed;    /* whether it is inside an array, of which the whole is one value */
} Where;

static const uint8_t *after_value(Scan *, const uint8_t *, const uint8_t *, uint32_t, Where);

/* Notes what a key of the line has, for its shape. */
static int marked(Scan *scan, uint32_t path, uint32_t kind)
{
    if (!scan->settings.has_shapes)
        return 1;
    if (path > NONE >> 3)
        return 0;
    if (scan->marks == scan->marks_room) {
        uint32_t *more = grown(scan->mark, &scan->marks_room, 1u << 12, sizeof *more);
        if (!more)
            return 0;
        scan->mark = more;
    }
    scan->mark[scan->marks++] = path << 3 | kind;
    return 1;
}

/* Returns what a shape says of a text with escapes: whether it is nothing but lines' ends. */
static uint32_t mark_of_escaped(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        int32_t unit;
        if (at[0] != '\\')
            return TEXT;
        unit = at[1] == 'n' ? '\n' : at[1] == 'r' ? '\r' : at[1] == 'u' ? unit_at(at + 2) : 0;
        if (unit != '\n' && unit != '\r')
            return TEXT;
        at += at[1] == 'u' ? 6 : 2;
    }
    return LINES;
}

static int add(Scan *scan, uint32_t path, const uint8_t *start, const uint8_t *end, uint32_t kind)
{
    Found *found;
    size_t length = (size_t)(end - start);
    if (length > LENGTH_MASK)
        return 0;
    if (!marked(scan, path,
            kind == ESCAPED_TEXT ? mark_of_escaped(start, end) : kind == NO ? YES : kind))
        return 0;
    if (scan->found == scan->found_room) {
        Found *more = grown(scan->each, &scan->found_room, 1u << 16, sizeof *more);
        if (!more)
            return 0;
        scan->each = more;
    }
    found = scan->each + scan->found++;
    found->path = path;
    found->line = scan->line;
    found->start = (uint32_t)(start - scan->text);
    found->length = (uint32_t)length | kind << KIND_SHIFT;
    scan->path[path].count++;
    scan->path[path].kinds |= (uint8_t)(1u << kind);
    return 1;
}

static const uint8_t *after_digits(const uint8_t *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* Of a list only numbers are plain that a fast reader of JSON takes, which makes doubles of most. */
static const uint8_t *after_number(const uint8_t *at, uint32_t *kind, int is_listed)
{
    const uint8_t *start = at, *digits = at + (*at == '-');
    at = after_digits(digits);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return NULL;
    *kind = INTEGER;
    if (*at != '.' && *at != 'e' && *at != 'E') {
        if (*start == '-' && *digits == '0')
            *kind = OTHER;
        return at - start <= (is_listed ? LONGEST_FRACTION : LONGEST_INTEGER) ? at : NULL;
    }
    *kind = OTHER;
    if (*at == '.') {
        digits = at + 1;
        at = after_digits(digits);
        if (at == digits)
            return NULL;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        digits = at + (*at == '-' || *at == '+');
        at = after_digits(digits);
        if (at == digits || at - digits > 2)
            return NULL;
    }
    return at - start <= LONGEST_FRACTION ? at : NULL;
}

static const uint8_t *after_word(const uint8_t *at, const uint8_t *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - at) > length && memcmp(at, word, length) == 0 ? at + length : NULL;
}

static const uint8_t *after_array(
    Scan *scan, const uint8_t *at, const uint8_t *end, uint32_t path, Where where)
{
    const uint8_t *start = at;
    int is_inner = where.is_listed;
    if (where.depth >= DEEPEST)
        return NULL;
    scan->line_opened++;
    where.depth++;
    where.is_listed = 1;
    at = after_blanks(at + 1);
    if (*at == ']')
        return is_inner || marked(scan, path, NOTHING) ? at + 1 : NULL;
    for (;;) {
        scan->line_members++;
        at = after_value(scan, at, end, path, where);
        if (!at)
            return NULL;
        at = after_blanks(at);
        if (*at == ']')
            break;
        if (*at != ',')
            return NULL;
        scan->line_values++;
        at = after_blanks(at + 1);
    }
    at++;
    return is_inner || add(scan, path, start, at, OTHER) ? at : NULL;
}

/* Returns the key's number, and where its closing quote stands; NONE where it is not plain. */
static uint32_t key_at(
    Scan *scan, const uint8_t *at, const uint8_t *end, uint32_t parent, uint32_t expected,
    const uint8_t **quote)
{
    int is_escaped = 0;
    /* What was expected may have been taken back, and its number may be another's. */
    if (expected < scan->paths && scan->path[expected].parent == parent) {
        const Path *known = scan->path + expected;
        if ((size_t)(end - at) > known->length && at[known->length] == '"'
            && memcmp(at, scan->text + known->name, known->length) == 0) {
            *quote = at + known->length;
            return expected;
        }
    }
    *quote = end_of_text(at, end, &is_escaped);
    if (!*quote || is_escaped)
        return NONE;
    return path_of(scan, parent, (uint32_t)(at - scan->text), (uint32_t)(*quote - at));
}

static const uint8_t *after_object(
    Scan *scan, const uint8_t *at, const uint8_t *end, Where where)
{
    uint32_t number, before = NONE, parent = where.parent;
    if (where.depth >= DEEPEST)
        return NULL;
    scan->line_opened++;
    where.depth++;
    number = ++scan->objects;
    at = after_blanks(at + 1);
    if (*at == '}')
        return at + 1;
    for (;;) {
        const uint8_t *quote;
        uint32_t key, expected;
        if (*at != '"')
            return NULL;
        expected = before != NONE ? scan->path[before].next
            : parent != NONE ? scan->path[parent].child : scan->top_child;
        key = key_at(scan, at + 1, end, parent, expected, &quote);
        if (key == NONE)
            return NULL;
        if (key != expected) {
            if (before != NONE)
                scan->path[before].next = key;
            else if (parent != NONE)
                scan->path[parent].child = key;
            else
                scan->top_child = key;
        }
        if (scan->path[key].seen_in == number || scan->path[key].is_strange)
            return NULL;
        scan->path[key].seen_in = number;
        before = key;
        at = after_blanks(quote + 1);
        if (*at != ':')
            return NULL;
        scan->line_members++;
        at = after_value(scan, after_blanks(at + 1), end, key, where);
        if (!at)
            return NULL;
        at = after_blanks(at);
        if (*at == '}')
            return at + 1;
        if (*at != ',')
            return NULL;
        scan->line_values++;
        at = after_blanks(at + 1);
    }
}

static const uint8_t *after_value(
    Scan *scan, const uint8_t *at, const uint8_t *end, uint32_t path, Where where)
{
    const uint8_t *start = at;
    uint32_t kind;
    switch (*at) {
    case '"': {
        int is_escaped = 0;
        at = end_of_text(at + 1, end, &is_escaped);
        if (!at)
            return NULL;
        scan->is_odd |= is_escaped >> 1;
        if (where.is_listed)
            return at + 1;
        if (scan->path[path].is_time && !is_escaped
            && is_usual_time(start + 1, (size_t)(at - start - 1)))
            scan->has_time = 1;
        return add(scan, path, start + 1, at, is_escaped ? ESCAPED_TEXT : TEXT) ? at + 1 : NULL;
    }
    case '{':
        where.parent = path;
        if (!where.is_listed && !marked(scan, path, OBJECT))
            return NULL;
        return after_object(scan, at, end, where);
    case '[':
        return after_array(scan, at, end, path, where);
    case 'n':
        return where.is_listed || marked(scan, path, NOTHING) ? after_word(at, end, "null") : NULL;
    case 't':
        kind = YES;
        at = after_word(at, end, "true");
        break;
    case 'f':
        kind = NO;
        at = after_word(at, end, "false");
        break;
    default:
        at = after_number(at, &kind, where.is_listed);
    }
    if (!at || where.is_listed)
        return at;
    return add(scan, path, start, at, kind) ? at : NULL;
}

/* ---- lines ---- */

static int is_within(const Scan *scan, size_t size)
{
    const Settings *settings = &scan->settings;
    if (scan->line_opened > settings->max_depth)
        return 0;
    return size < settings->short_line
        || (size <= settings->max_line && scan->line_values < settings->max_values
            && (uint64_t)scan->line_members * size <= settings->max_path_bytes);
}

/*
 * Takes back what was found of a line that is not plain after all, and the paths that it had first.
 * Taken out of the table in the opposite order, none of them stands on the way to another.
 */
static void forget(Scan *scan, uint32_t found, uint32_t paths)
{
    while (scan->found > found)
        scan->path[scan->each[--scan->found].path].count--;
    while (scan->paths > paths) {
        uint32_t slot = scan->path[--scan->paths].hash & (scan->table_size - 1);
        while (scan->table[slot] != scan->paths)
            slot = (slot + 1) & (scan->table_size - 1);
        scan->table[slot] = NONE;
    }
}

static int has_wider_shapes(Scan *scan)
{
    uint32_t size = scan->shapes_size ? scan->shapes_size * 2 : 256;
    uint32_t *table = empty_table(size);
    if (!table)
        return 0;
    for (uint32_t number = 0; number < scan->shapes; number++) {
        uint32_t slot = scan->shape[number].hash & (size - 1), probes = 0;
        while (table[slot] != NONE && ++probes < MOST_PROBES)
            slot = (slot + 1) & (size - 1);
        if (table[slot] == NONE)
            table[slot] = number;
    }
    free(scan->shapes_table);
    scan->shapes_table = table;
    scan->shapes_size = size;
    return 1;
}

/*
 * Returns the number of the shape that the marks from `start` on are; NONE where memory is short.
 * Beyond so many probes it is a shape of its own: several may be alike.
 */
static uint32_t shape_of(Scan *scan, uint32_t start)
{
    uint32_t length = scan->marks - start, slot, probes = 0;
    const uint32_t *marks = scan->mark + start;
    uint32_t hash = hash_of((const uint8_t *)marks, (size_t)length * sizeof *marks, 0);
    Shape *made;
    if (scan->shapes * 2 >= scan->shapes_size && !has_wider_shapes(scan))
        return NONE;
    for (slot = hash & (scan->shapes_size - 1);
         scan->shapes_table[slot] != NONE && ++probes < MOST_PROBES;
         slot = (slot + 1) & (scan->shapes_size - 1)) {
        const Shape *known = scan->shape + scan->shapes_table[slot];
        if (known->hash == hash && known->length == length
            && memcmp(scan->mark + known->start, marks, (size_t)length * sizeof *marks) == 0) {
            scan->marks = start;
            return scan->shapes_table[slot];
        }
    }
    if (scan->shapes == scan->shapes_room) {
        Shape *more = grown(scan->shape, &scan->shapes_room, 256, sizeof *more);
        if (!more)
            return NONE;
        scan->shape = more;
    }
    made = scan->shape + scan->shapes;
    made->start = start;
    made->length = length;
    made->hash = hash;
    if (scan->shapes_table[slot] == NONE)
        scan->shapes_table[slot] = scan->shapes;
    return scan->shapes++;
}

/* Tells what a line is; of one that is not plain nothing is kept. */
static uint8_t read_line(Scan *scan, const uint8_t *start, const uint8_t *end)
{
    Where top = {NONE, 0, 0};
    const uint8_t *at = after_blanks(start);
    uint32_t found = scan->found, paths = scan->paths, marks = scan->marks;
    scan->line_shape[scan->line] = NONE;
    if (at == end)
        return BLANK;
    scan->line_values = scan->line_opened = scan->line_members = 0;
    scan->has_time = scan->is_odd = 0;
    if (*at == '{')
        at = after_object(scan, at, end + 1, top);
    else
        at = NULL;
    if (at && after_blanks(at) == end && scan->has_time && is_within(scan, (size_t)(end - start))) {
        if (!scan->settings.has_shapes)
            return PLAIN;
        scan->line_shape[scan->line] = shape_of(scan, marks);
        if (scan->line_shape[scan->line] != NONE)
            return PLAIN;
    }
    scan->marks = marks;
    forget(scan, found, paths);
    return CAREFUL;
}

/* Puts the values of each path together, in the order of their lines. */
static int is_sorted(Scan *scan)
{
    uint32_t first = 0;
    scan->values = malloc(((size_t)scan->found + 1) * sizeof *scan->values);
    if (!scan->values)
        return 0;
    for (uint32_t number = 0; number < scan->paths; number++) {
        Path *path = scan->path + number;
        path->first = first;
        first += path->count;
        path->count = 0;
    }
    for (uint32_t number = 0; number < scan->found; number++) {
        const Found *found = scan->each + number;
        Path *path = scan->path + found->path;
        Value *value = scan->values + path->first + path->count++;
        value->line = found->line;
        value->start = found->start;
        value->length = found->length;
    }
    free(scan->each);
    scan->each = NULL;
    return 1;
}

EXPORTED void s2h_free(Scan *scan)
{
    if (!scan)
        return;
    free(scan->line_start);
    free(scan->line_end);
    free(scan->line_shape);
    free(scan->mark);
    free(scan->shape);
    free(scan->shapes_table);
    free(scan->line_kind);
    free(scan->line_odd);
    free(scan->path);
    free(scan->table);
    free(scan->each);
    free(scan->values);
    free(scan);
}

static int has_room_for_line(Scan *scan)
{
    uint32_t room = scan->lines_room, more;
    uint32_t *starts, *ends, *shapes;
    uint8_t *kinds, *odd;
    if (scan->lines < room)
        return 1;
    more = room ? room * 2 : 4096;
    if (more <= room)
        return 0;
    starts = realloc(scan->line_start, (size_t)more * sizeof *starts);
    if (starts)
        scan->line_start = starts;
    ends = realloc(scan->line_end, (size_t)more * sizeof *ends);
    if (ends)
        scan->line_end = ends;
    shapes = realloc(scan->line_shape, (size_t)more * sizeof *shapes);
    if (shapes)
        scan->line_shape = shapes;
    kinds = realloc(scan->line_kind, more);
    if (kinds)
        scan->line_kind = kinds;
    odd = realloc(scan->line_odd, more);
    if (odd)
        scan->line_odd = odd;
    if (!starts || !ends || !shapes || !kinds || !odd)
        return 0;
    scan->lines_room = more;
    return 1;
}

static Scan *begun(const uint8_t *text, size_t size, const Settings *settings)
{
    Scan *scan = size && size <= LARGEST_TEXT ? calloc(1, sizeof *scan) : NULL;
    if (scan) {
        scan->text = text;
        scan->size = size;
        scan->settings = *settings;
        scan->top_child = NONE;
    }
    return scan;
}

static void add_line(Scan *scan, const uint8_t *start, const uint8_t *end, uint8_t kind)
{
    scan->line_start[scan->lines] = (uint32_t)(start - scan->text);
    scan->line_end[scan->lines] = (uint32_t)(end - scan->text);
    scan->line_kind[scan->lines] = kind;
    scan->line_odd[scan->lines++] = (uint8_t)scan->is_odd;
}

/*
 * Reads lines, those of the text or so many as are read at once; NULL where memory is short, or the
 * text does not end in a line feed or is too large.
 */
EXPORTED Scan *s2h_scan(const uint8_t *text, size_t size, const Settings *settings)
{
    const uint8_t *at = text, *end = text + size;
    Scan *scan = size && end[-1] == '\n' ? begun(text, size, settings) : NULL;
    if (!scan)
        return NULL;
    while (at < end && scan->lines < settings->max_lines) {
        const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));
        uint8_t kind;
        if (!has_room_for_line(scan)) {
            s2h_free(scan);
            return NULL;
        }
        scan->line = scan->lines;
        kind = read_line(scan, at, feed);
        add_line(scan, at, feed > at && feed[-1] == '\r' ? feed - 1 : feed, kind);
        at = feed + 1;
    }
    scan->taken = (size_t)(at - text);
    if (!is_sorted(scan)) {
        s2h_free(scan);
        return NULL;
    }
    return scan;
}

EXPORTED size_t s2h_taken(const Scan *scan) { return scan->taken; }

/* ---- answers of Elasticsearch ---- */

/* Returns the byte after an object, of which only texts and brackets are looked at. */
static const uint8_t *after_brackets(const uint8_t *at, const uint8_t *end)
{
    size_t depth = 0;
    for (; at < end; at++) {
        if (*at == '"') {
            for (at++; at < end && *at != '"'; at++)
                at += *at == '\\';
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (!--depth)
                return at + 1;
        }
    }
    return NULL;
}

/* Reads hits as lines are read; one that is not plain is passed over. */
static const uint8_t *after_hits(Scan *scan, const uint8_t *at, const uint8_t *end)
{
    Where top = {NONE, 0, 0};
    scan->hits_start = (size_t)(at - scan->text);
    at = after_blanks(at + 1);
    while (*at != ']') {
        const uint8_t *start = at;
        uint32_t found = scan->found, paths = scan->paths;
        uint8_t kind = PLAIN;
        if (*at != '{' || !has_room_for_line(scan))
            return NULL;
        scan->line = scan->lines;
        scan->line_shape[scan->line] = NONE;
        scan->has_time = scan->is_odd = 0;
        at = after_object(scan, at, end, top);
        if (!at || !scan->has_time) {
            forget(scan, found, paths);
            kind = CAREFUL;
            at = after_brackets(start, end);
        }
        if (!at)
            return NULL;
        add_line(scan, start, at, kind);
        at = after_blanks(at);
        if (*at == ',')
            at = after_blanks(at + 1);
        else if (*at != ']')
            return NULL;
    }
    scan->hits_end = (size_t)(at + 1 - scan->text);
    return at + 1;
}

/* Follows an answer down to the list of its hits: `hits` in `hits`. */
static const uint8_t *after_answer(Scan *scan, const uint8_t *at, const uint8_t *end, int is_inner)
{
    if (*at != '{')
        return NULL;
    do {
        const uint8_t *quote, *name = after_blanks(at + 1) + 1;
        Where listed = {NONE, 0, 1};
        int escapes = 0, is_hits;
        uint32_t key;
        if (name[-1] != '"' || !(quote = end_of_text(name, end, &escapes)))
            return NULL;
        is_hits = quote - name == 4 && memcmp(name, "hits", 4) == 0;
        at = after_blanks(quote + 1);
        if (*at != ':')
            return NULL;
        at = after_blanks(at + 1);
        if (is_hits && !is_inner) {
            at = after_answer(scan, at, end, 1);
        } else if (is_hits && *at == '[' && !scan->hits_end) {
            at = after_hits(scan, at, end);
        } else {
            key = path_of(scan, NONE, (uint32_t)(name - scan->text), (uint32_t)(quote - name));
            at = key == NONE ? NULL : after_value(scan, at, end, key, listed);
        }
        if (!at)
            return NULL;
        at = after_blanks(at);
    } while (*at == ',');
    return *at == '}' ? at + 1 : NULL;
}

/*
 * Reads the hits of an answer, which are the lines then; NULL where it has no list of hits, or is not
 * surely read. A zero byte has to stand behind the text.
 */
EXPORTED Scan *s2h_scan_answer(const uint8_t *text, size_t size, const Settings *settings)
{
    Scan *scan = begun(text, size, settings);
    const uint8_t *at, *end = text + size;
    if (!scan)
        return NULL;
    at = after_answer(scan, after_blanks(text), end + 1, 0);
    if (!at || after_blanks(at) != end || !scan->hits_end || !is_sorted(scan)) {
        s2h_free(scan);
        return NULL;
    }
    return scan;
}

EXPORTED size_t s2h_hits_start(const Scan *scan) { return scan->hits_start; }
EXPORTED size_t s2h_hits_end(const Scan *scan) { return scan->hits_end; }

/* Counted up with every change of what the functions, those of search.c too, take and give. */
EXPORTED uint32_t s2h_version(void) { return 7; }

EXPORTED uint32_t s2h_lines(const Scan *scan) { return scan->lines; }
EXPORTED const uint32_t *s2h_line_starts(const Scan *scan) { return scan->line_start; }
EXPORTED const uint32_t *s2h_line_ends(const Scan *scan) { return scan->line_end; }
EXPORTED const uint8_t *s2h_line_kinds(const Scan *scan) { return scan->line_kind; }
EXPORTED const uint8_t *s2h_line_odd(const Scan *scan) { return scan->line_odd; }
EXPORTED uint32_t s2h_paths(const Scan *scan) { return scan->paths; }
/* The shape of each line, NONE of one that is not plain. */
EXPORTED const uint32_t *s2h_line_shapes(const Scan *scan) { return scan->line_shape; }
EXPORTED uint32_t s2h_shapes(const Scan *scan) { return scan->shapes; }
EXPORTED uint32_t s2h_marks(const Scan *scan) { return scan->marks; }

/*
 * Writes where each shape's marks begin, and all marks. A mark is a path's number and, in the lowest
 * three bits, what is there: TEXT, LINES, INTEGER, YES for true and false, OTHER, NOTHING or OBJECT.
 */
EXPORTED void s2h_shapes_seen(const Scan *scan, uint32_t *starts, uint32_t *marks)
{
    for (uint32_t number = 0; number < scan->shapes; number++)
        starts[number] = scan->shape[number].start;
    if (scan->marks)
        memcpy(marks, scan->mark, (size_t)scan->marks * sizeof *marks);
}

typedef struct {
    uint32_t parent, name, length, count, kinds;
} PathSeen;

EXPORTED void s2h_paths_seen(const Scan *scan, PathSeen *seen)
{
    for (uint32_t number = 0; number < scan->paths; number++) {
        const Path *path = scan->path + number;
        PathSeen one = {path->parent, path->name, path->length, path->count, path->kinds};
        seen[number] = one;
    }
}

/*
 * Writes for each line the number of its group, NONE for one that is not plain: lines of one shape
 * that have the same texts, as they stand, under some paths. Returns whether there was memory.
 * Beyond many probes a line begins a group of its own: several may be alike.
 */
EXPORTED int s2h_alike(const Scan *scan, const uint32_t *paths, uint32_t count, uint32_t *groups)
{
    uint32_t size = 16, *table = NULL, *before = NULL, *found = NULL;
    int is_done = 0;
    while (size < 2 * (uint64_t)scan->lines + 2)
        size *= 2;
    table = malloc((size_t)size * sizeof *table);
    before = malloc(((size_t)scan->lines + 1) * sizeof *before);
    found = malloc(((size_t)scan->lines + 1) * sizeof *found);
    if (!table || !before || !found)
        goto done;
    memcpy(groups, scan->line_shape, (size_t)scan->lines * sizeof *groups);
    for (uint32_t number = 0; number < count; number++) {
        const Path *path = scan->path + paths[number];
        const Value *values = scan->values + path->first;
        uint32_t at = 0, next = 0;
        memset(table, 0xFF, (size_t)size * sizeof *table);
        memcpy(before, groups, (size_t)scan->lines * sizeof *before);
        for (uint32_t line = 0; line < scan->lines; line++) {
            const Value *value;
            uint32_t slot, known, probes = 0;
            int is_there = at < path->count && values[at].line == line;
            found[line] = is_there ? at++ : NONE;
            if (before[line] == NONE)
                continue;
            value = values + (is_there ? found[line] : 0);
            slot = is_there ? hash_of(scan->text + value->start, value->length & LENGTH_MASK, before[line])
                            : before[line] * 0x9E3779B1u;
            for (slot &= size - 1; (known = table[slot]) != NONE && ++probes < MOST_PROBES;
                 slot = (slot + 1) & (size - 1)) {
                const Value *other = values + (found[known] == NONE ? 0 : found[known]);
                if (before[known] == before[line] && (found[known] != NONE) == is_there
                    && (!is_there || (other->length == value->length
                        && memcmp(scan->text + other->start, scan->text + value->start,
                            value->length & LENGTH_MASK) == 0)))
                    break;
            }
            if (known == NONE || probes == MOST_PROBES) {
                if (known == NONE)
                    table[slot] = line;
                groups[line] = next++;
            } else {
                groups[line] = groups[known];
            }
        }
    }
    is_done = 1;
done:
    free(table);
    free(before);
    free(found);
    return is_done;
}

/* ---- columns ---- */

/*
 * The values of a path in some rows, but for those of the kind OTHER.
 * `texts` are the distinct ones, a separator between them; `is_parted` where none has it in itself.
 */
typedef struct {
    uint32_t count, distinct, others;
    int32_t *rows;
    uint32_t *codes;
    uint32_t *ends;          /* where each distinct text ends in `texts`, without the separator */
    uint8_t *texts;
    uint32_t size;
    uint32_t is_parted;
    int32_t *other_rows;
    uint32_t *other_starts, *other_lengths;
    uint32_t *slots;
} Column;

EXPORTED void s2h_free_column(Column *column)
{
    if (!column)
        return;
    free(column->rows);
    free(column->codes);
    free(column->ends);
    free(column->texts);
    free(column->other_rows);
    free(column->other_starts);
    free(column->other_lengths);
    free(column->slots);
    free(column);
}

/* Returns how many rows are wanted, no more than `most`. */
static uint32_t count_of(const uint8_t *wanted, size_t size, uint32_t most)
{
    uint32_t count = 0;
    for (size_t byte = 0; byte < size && count < most; byte++)
        for (uint8_t left = wanted[byte]; left; left &= (uint8_t)(left - 1))
            count++;
    return count < most ? count : most;
}

static int is_among(const uint8_t *wanted, size_t size, int32_t row)
{
    size_t byte = (size_t)row >> 3;
    return byte < size && (wanted[byte] >> (row & 7) & 1);
}

/*
 * Returns a column; NULL where memory is short.
 * `row_of` gives the row of each line, -1 where it has none; rows rise with lines.
 * `wanted` is a bitmap of rows, NULL for all.
 */
EXPORTED Column *s2h_column(
    const Scan *scan, uint32_t number, const int32_t *row_of, const uint8_t *wanted, size_t size)
{
    const Path *path = scan->path + number;
    const Value *values = scan->values + path->first;
    Column *column = calloc(1, sizeof *column);
    uint32_t *firsts = NULL, table = 16, room = path->count + 1;
    uint64_t bytes = 0;
    uint8_t *to;
    if (!column)
        return NULL;
    if (wanted) /* no line has a path twice */
        room = count_of(wanted, size, path->count) + 1;
    while (table < 2 * (uint64_t)room)
        table *= 2;
    column->rows = malloc((size_t)room * sizeof *column->rows);
    column->codes = malloc((size_t)room * sizeof *column->codes);
    column->ends = malloc((size_t)room * sizeof *column->ends);
    column->slots = empty_table(table);
    firsts = malloc((size_t)room * sizeof *firsts);
    if (path->kinds >> OTHER & 1) {
        column->other_rows = malloc((size_t)room * sizeof *column->other_rows);
        column->other_starts = malloc((size_t)room * sizeof *column->other_starts);
        column->other_lengths = malloc((size_t)room * sizeof *column->other_lengths);
        if (!column->other_rows || !column->other_starts || !column->other_lengths)
            goto failed;
    }
    if (!column->rows || !column->codes || !column->ends || !column->slots || !firsts)
        goto failed;
    for (uint32_t at = 0; at < path->count; at++) {
        const Value *value = values + at;
        int32_t row = row_of[value->line];
        uint32_t length = value->length & LENGTH_MASK, slot, code, probes = 0;
        if (row < 0 || (wanted && !is_among(wanted, size, row)))
            continue;
        if (column->count + column->others + 1 == room)
            goto failed; /* rows that do not rise */
        if (value->length >> KIND_SHIFT == OTHER) {
            column->other_rows[column->others] = row;
            column->other_starts[column->others] = value->start;
            column->other_lengths[column->others++] = length;
            continue;
        }
        slot = hash_of(scan->text + value->start, length, 0) & (table - 1);
        while ((code = column->slots[slot]) != NONE && ++probes < MOST_PROBES) {
            const Value *known = values + firsts[code];
            if (known->length == value->length
                && memcmp(scan->text + known->start, scan->text + value->start, length) == 0)
                break;
            slot = (slot + 1) & (table - 1);
        }
        if (code == NONE || probes == MOST_PROBES) {
            /* Beyond so many probes it is a text of its own, without a slot. */
            if (code == NONE)
                column->slots[slot] = column->distinct;
            code = column->distinct++;
            firsts[code] = at;
            bytes += length + 1;
        }
        column->rows[column->count] = row;
        column->codes[column->count++] = code;
    }
    column->texts = malloc((size_t)bytes + 1);
    if (!column->texts)
        goto failed;
    to = column->texts;
    column->is_parted = 1;
    for (uint32_t code = 0; code < column->distinct; code++) {
        const Value *value = values + firsts[code];
        uint32_t length = value->length & LENGTH_MASK;
        const uint8_t *text = scan->text + value->start;
        if (value->length >> KIND_SHIFT == ESCAPED_TEXT) {
            uint8_t *start = to;
            to = unescaped(to, text, text + length);
            if (memchr(start, SEPARATOR, (size_t)(to - start)))
                column->is_parted = 0;
        } else {
            memcpy(to, text, length);
            to += length;
        }
        column->ends[code] = (uint32_t)(to - column->texts);
        *to++ = SEPARATOR;
    }
    column->size = (uint32_t)(to - column->texts) - (column->distinct > 0);
    free(firsts);
    free(column->slots);
    column->slots = NULL;
    return column;
failed:
    free(firsts);
    s2h_free_column(column);
    return NULL;
}

/* Sets the bits of a column's rows in a bitmap of `size` bytes; rows beyond it are left out. */
EXPORTED void s2h_rows(const Column *column, uint8_t *bits, size_t size)
{
    for (uint32_t at = 0; at < column->count; at++) {
        size_t byte = (size_t)column->rows[at] >> 3;
        if (byte < size)
            bits[byte] |= (uint8_t)(1u << (column->rows[at] & 7));
    }
}

/*
 * Sets the bits of rows by what their texts meet: `group_of` gives for each distinct text the number
 * of a bitmap, -1 for none; the bitmaps, of `size` bytes each, follow each other.
 */
EXPORTED void s2h_group_rows(
    const Column *column, const int32_t *group_of, uint8_t *bits, size_t size)
{
    for (uint32_t at = 0; at < column->count; at++) {
        int32_t group = group_of[column->codes[at]];
        size_t byte = (size_t)column->rows[at] >> 3;
        if (group >= 0 && byte < size)
            bits[(size_t)group * size + byte] |= (uint8_t)(1u << (column->rows[at] & 7));
    }
}
