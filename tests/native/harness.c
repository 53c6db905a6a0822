/* Reads a file of lines, or with a second argument an answer (or, if it is "shapes", lines and their shapes), with scan.c and asks for all there is, so that sanitizers see each step. */

#include "scan.c"

#include <stdio.h>

static void ask_for_all(const Scan *scan, const int32_t *row_of, const uint8_t *wanted, size_t size)
{
    for (uint32_t number = 0; number < s2h_paths(scan); number++) {
        Column *column = s2h_column(scan, number, row_of, wanted, size);
        uint8_t *bits = calloc(3, size);
        int32_t *groups = malloc((column->distinct + 1) * sizeof *groups);
        for (uint32_t code = 0; code < column->distinct; code++)
            groups[code] = (int32_t)(code % 4) - 1;
        s2h_rows(column, bits, size);
        s2h_group_rows(column, groups, bits, size);
        free(groups);
        free(bits);
        s2h_free_column(column);
    }
}

int main(int count, char **arguments)
{
    const char *times = "@timestamp\n", *strange = "Event\n_source\n";
    Settings settings = {1 << 20, 10000, 254, 16 << 20, 7000, UINT32_MAX, (const uint8_t *)times,
                         (const uint8_t *)strange, 11, 14, 0};
    int is_answer = count > 2 && strcmp(arguments[2], "shapes") != 0;
    FILE *file = count > 1 ? fopen(arguments[1], "rb") : NULL;
    long size;
    uint8_t *text;
    Scan *scan;
    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) <= 0)
        return 2;
    rewind(file);
    /* No byte more than is promised, so that a step beyond is seen. */
    text = calloc(1, (size_t)size + is_answer);
    settings.has_shapes = count > 2 && !is_answer;
    if (is_answer) {
        settings.times = (const uint8_t *)"_source.@timestamp\n";
        settings.times_size = 19;
    }
    if (fread(text, 1, (size_t)size, file) != (size_t)size)
        return 2;
    fclose(file);
    scan = (is_answer ? s2h_scan_answer : s2h_scan)(text, (size_t)size, &settings);
    if (!scan) {
        printf("none\n");
        free(text);
        return 0;
    }
    {
        uint32_t plain = 0, lines = s2h_lines(scan);
        int32_t *row_of = malloc(lines * sizeof *row_of);
        PathSeen *seen = malloc((s2h_paths(scan) + 1) * sizeof *seen);
        uint8_t *wanted;
        for (uint32_t line = 0; line < lines; line++)
            row_of[line] = s2h_line_kinds(scan)[line] == PLAIN ? (int32_t)plain++ : -1;
        wanted = calloc(1, plain / 8 + 1);
        for (uint32_t byte = 0; byte <= plain / 8; byte++)
            wanted[byte] = 0x5A;
        s2h_paths_seen(scan, seen);
        if (settings.has_shapes) {
            uint32_t *starts = malloc((s2h_shapes(scan) + 1) * sizeof *starts);
            uint32_t *marks = malloc((s2h_marks(scan) + 1) * sizeof *marks);
            s2h_shapes_seen(scan, starts, marks);
            for (uint32_t line = 0; line < lines; line++) {
                uint32_t shape = s2h_line_shapes(scan)[line];
                int is_plain = s2h_line_kinds(scan)[line] == PLAIN;
                if (is_plain ? shape >= s2h_shapes(scan) || starts[shape] > s2h_marks(scan) : shape != NONE)
                    return 3;
            }
            for (uint32_t mark = 0; mark < s2h_marks(scan); mark++)
                if (marks[mark] >> 3 >= s2h_paths(scan))
                    return 3;
            free(starts);
            free(marks);
        }
        ask_for_all(scan, row_of, NULL, plain / 8 + 1);
        ask_for_all(scan, row_of, wanted, plain / 8 + 1);
        printf("%u %u\n", lines, plain);
        free(wanted);
        free(seen);
        free(row_of);
    }
    s2h_free(scan);
    free(text);
    return 0;
}
