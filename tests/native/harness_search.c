/* Reads a file of texts, one a line, an empty line, and values with an edge around each; looks for the texts in the values with search.c in every way, so that sanitizers see each step. */

#include "search.c"

#include <stdio.h>

static void *copy_of(const uint8_t *bytes, size_t size)
{
    void *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    return copy;
}

int main(int count, char **arguments)
{
    FILE *file = count > 1 ? fopen(arguments[1], "rb") : NULL;
    uint8_t *content, *texts, *values, *bits;
    uint32_t *lengths, *ends, *codes, texts_count = 0, values_count = 0;
    int32_t *rows;
    long size, at = 0;
    size_t texts_size = 0, values_size, width;
    Search *search;
    Found *folded, *as_is;
    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) <= 0)
        return 2;
    rewind(file);
    content = malloc((size_t)size);
    lengths = malloc((size_t)size * sizeof *lengths);
    if (fread(content, 1, (size_t)size, file) != (size_t)size)
        return 2;
    fclose(file);
    texts = malloc((size_t)size);
    while (at < size && content[at] != '\n') {
        long start = at;
        while (content[at] != '\n')
            texts[texts_size++] = content[at++];
        lengths[texts_count++] = (uint32_t)(at++ - start);
    }
    at++;
    search = s2h_search(texts, lengths, texts_count);
    free(texts);
    /* No byte more than there is, so that a step beyond is seen. */
    values_size = (size_t)(size - at);
    values = copy_of(content + at, values_size);
    folded = s2h_sought(search, values, values_size);
    ends = calloc(values_size + 1, sizeof *ends);
    for (size_t byte = 1; byte < values_size; byte++)
        if (values[byte] == EDGE)
            ends[values_count++] = (uint32_t)byte - 1;
    as_is = s2h_sought_in(search, values + (values_size > 0), ends, values_count, 5);
    rows = malloc((values_count * 2 + 1) * sizeof *rows);
    codes = malloc((values_count * 2 + 1) * sizeof *codes);
    for (uint32_t row = 0; row < values_count * 2; row++) {
        rows[row] = (int32_t)row;
        codes[row] = values_count - 1 - row / 2;
    }
    width = values_count / 4 + 1;
    bits = calloc(width, as_is->texts + 1);
    s2h_rows_found(as_is, rows, codes, values_count * 2, bits, width);
    printf("%u %u %u\n", values_count, folded->pairs, as_is->pairs);
    free(bits);
    free(rows);
    free(codes);
    free(ends);
    free(values);
    free(content);
    free(lengths);
    s2h_free_found(folded);
    s2h_free_found(as_is);
    s2h_free_search(search);
    return 0;
}
