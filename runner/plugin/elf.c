/* elf: the symbol rn_plugin_export of a shared object, from its bytes. Symbols are looked up where dlopen does,
 * in the dynamic table (the section headers may be stripped, or lie); every offset is checked against the
 * file. Source: System V gABI, chapters 4 and 5; glibc's elf/dl-load.c for what it asserts or follows. */
#include "plugin/elf.h"

#include <elf.h>
#include <string.h>

/* RELATIVE: the relocation that stands for a pointer inside the object. */
#if defined(__x86_64__)
enum { THIS_MACHINE = EM_X86_64, RELATIVE = R_X86_64_RELATIVE };
#elif defined(__aarch64__)
enum { THIS_MACHINE = EM_AARCH64, RELATIVE = R_AARCH64_RELATIVE };
#elif defined(__riscv)
enum { THIS_MACHINE = EM_RISCV, RELATIVE = R_RISCV_RELATIVE };
#else
#error "which ELF machine is this? add it here and to machine_names"
#endif

static const struct {
    uint16_t machine;
    const char *name;
} machine_names[] = {
    {EM_X86_64, "x86-64"}, {EM_AARCH64, "arm64"}, {EM_RISCV, "RISC-V"}, {EM_386, "32-bit x86"},
    {EM_ARM, "32-bit ARM"}, {EM_PPC64, "PowerPC"}, {EM_S390, "s390"},
};

static const char symbol_name[] = "rn_plugin_export";

typedef struct image {
    const uint8_t *file;
    size_t bytes;
    Elf64_Ehdr header;
    /* of the dynamic table; 0: not there */
    uint64_t tag[DT_NUM], gnu_hash, versym;
    uint64_t n_symbols;
    rn_error *err;
} image;

#define REFUSE(im, ...) rn_fail((im)->err, RN_EPLUGIN, __VA_ARGS__)

static bool inside(uint64_t size, uint64_t begin, uint64_t n)
{
    return begin <= size && n <= size - begin;
}

static const char *machine_name(uint16_t machine)
{
    for (size_t i = 0; i < sizeof machine_names / sizeof *machine_names; i++)
        if (machine_names[i].machine == machine)
            return machine_names[i].name;
    return "an unknown machine";
}

static Elf64_Phdr segment(const image *im, int i)
{
    Elf64_Phdr p;
    memcpy(&p, im->file + im->header.e_phoff + (size_t)i * sizeof p, sizeof p);
    return p;
}

/* Where n bytes of loaded memory stand in the file; NULL where they do not. */
static const uint8_t *at(const image *im, uint64_t address, uint64_t n)
{
    for (int i = 0; i < im->header.e_phnum; i++) {
        const Elf64_Phdr p = segment(im, i);
        if (p.p_type == PT_LOAD && address >= p.p_vaddr && inside(p.p_filesz, address - p.p_vaddr, n))
            return im->file + p.p_offset + (address - p.p_vaddr);
    }
    return NULL;
}

/* Do n bytes of loaded memory stand in the file where they should? */
static bool stands_at(const image *im, uint64_t address, uint64_t n, uint64_t offset)
{
    const uint8_t *p = at(im, address, n);
    return p && (uint64_t)(p - im->file) == offset;
}

/* Is [address, address + n) in memory once loaded, with these flags? Zeroed memory at a segment's end counts. */
static bool loaded(const image *im, uint64_t address, uint64_t n, uint32_t flags)
{
    for (int i = 0; i < im->header.e_phnum; i++) {
        const Elf64_Phdr p = segment(im, i);
        if (p.p_type == PT_LOAD && (p.p_flags & flags) == flags && address >= p.p_vaddr &&
            inside(p.p_memsz, address - p.p_vaddr, n))
            return true;
    }
    return false;
}

/* The part to be write-protected after relocation, which linkers round up to whole pages. */
static bool protectable(const image *im, const Elf64_Phdr *relro)
{
    for (int i = 0; i < im->header.e_phnum; i++) {
        const Elf64_Phdr p = segment(im, i);
        if (p.p_type != PT_LOAD || relro->p_vaddr < p.p_vaddr)
            continue;
        const uint64_t end = (p.p_vaddr + p.p_memsz + p.p_align - 1) / p.p_align * p.p_align;
        if (inside(end - p.p_vaddr, relro->p_vaddr - p.p_vaddr, relro->p_memsz))
            return true;
    }
    return false;
}

/* A 64-bit little-endian shared object for this machine, as long as its headers say. */
static bool check_header(image *im)
{
    if (im->bytes == 0)
        return REFUSE(im, "the file is empty");
    if (im->bytes < SELFMAG || memcmp(im->file, ELFMAG, SELFMAG) != 0)
        return REFUSE(im, "no shared object: it does not begin with the bytes of an ELF file");
    if (im->bytes < sizeof im->header)
        return REFUSE(im, "cut short: an ELF header has %zu bytes, the file %zu", sizeof im->header, im->bytes);
    memcpy(&im->header, im->file, sizeof im->header);
    const Elf64_Ehdr *h = &im->header;
    if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
        return REFUSE(im, "not for this machine: no 64-bit little-endian object; this is %s",
                      machine_name(THIS_MACHINE));
    if (h->e_machine != THIS_MACHINE)
        return REFUSE(im, "built for another machine: %s (number %d); this is %s", machine_name(h->e_machine),
                      h->e_machine, machine_name(THIS_MACHINE));
    if (h->e_type == ET_REL)
        return REFUSE(im, "no shared object but an object file: link it with -shared");
    if (h->e_type != ET_DYN)
        return REFUSE(im, "no shared object (ELF type %d): link it with -shared", h->e_type);
    if (h->e_ident[EI_VERSION] != EV_CURRENT || h->e_version != EV_CURRENT || h->e_ehsize != sizeof *h ||
        h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0)
        return REFUSE(im, "damaged: the sizes in the ELF header are not those of the format");
    if (!inside(im->bytes, h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr)))
        return REFUSE(im, "cut short: %d program headers begin at byte %" PRIu64 ", the file has %zu bytes",
                      h->e_phnum, (uint64_t)h->e_phoff, im->bytes);
    if (h->e_shoff != 0 && !inside(im->bytes, h->e_shoff, (uint64_t)h->e_shnum * h->e_shentsize))
        return REFUSE(im, "cut short: %d section headers begin at byte %" PRIu64 ", the file has %zu bytes",
                      h->e_shnum, (uint64_t)h->e_shoff, im->bytes);
    return true;
}

/* Segments in the file, those to be loaded in rising order and apart, all others inside those. */
static bool check_segments(image *im, Elf64_Phdr *dynamic)
{
    uint64_t end = 0;
    for (int i = 0; i < im->header.e_phnum; i++) {
        const Elf64_Phdr p = segment(im, i);
        if (!inside(im->bytes, p.p_offset, p.p_filesz))
            return REFUSE(im, "cut short: segment %d has %" PRIu64 " bytes from byte %" PRIu64 ", the file has %zu",
                          i, (uint64_t)p.p_filesz, (uint64_t)p.p_offset, im->bytes);
        if (p.p_type == PT_DYNAMIC)
            *dynamic = p;
        if (p.p_type != PT_LOAD)
            continue;
        const uint64_t align = p.p_align;
        if (p.p_filesz > p.p_memsz || p.p_vaddr < end || p.p_memsz > UINT64_MAX / 4 || p.p_vaddr > UINT64_MAX / 4 ||
            align < 4096 || (align & (align - 1)) != 0 || align > (1u << 30) || (p.p_vaddr - p.p_offset) % align != 0 ||
            (p.p_memsz > p.p_filesz && !(p.p_flags & PF_W)))
            return REFUSE(im, "damaged: segment %d cannot be loaded where it asks to be", i);
        end = p.p_vaddr + p.p_memsz;
    }
    for (int i = 0; i < im->header.e_phnum; i++) {
        const Elf64_Phdr p = segment(im, i);
        const bool followed = p.p_type == PT_DYNAMIC || p.p_type == PT_NOTE || p.p_type == PT_TLS ||
                              p.p_type == PT_GNU_RELRO || p.p_type == PT_PHDR || p.p_type == PT_GNU_PROPERTY;
        if (followed && p.p_filesz > 0 && !stands_at(im, p.p_vaddr, p.p_filesz, p.p_offset))
            return REFUSE(im, "damaged: segment %d is not where the loaded ones are", i);
        if (p.p_type == PT_GNU_RELRO && !protectable(im, &p))
            return REFUSE(im, "damaged: segment %d protects more than is loaded", i);
        if (p.p_type == PT_TLS && (p.p_align & (p.p_align - 1)) != 0)
            return REFUSE(im, "damaged: the alignment of segment %d is no power of two", i);
    }
    if (dynamic->p_type != PT_DYNAMIC)
        return REFUSE(im, "no shared object: it has no dynamic table; link it with -shared");
    return true;
}

/* What the sections say must be in memory is in a segment with the rights that it needs; a segment whose type or
 * flags were damaged shows here. Not possible where the section headers are stripped. */
static bool check_sections(image *im)
{
    const Elf64_Ehdr *h = &im->header;
    if (h->e_shoff == 0)
        return true;
    if (h->e_shentsize != sizeof(Elf64_Shdr))
        return REFUSE(im, "damaged: the sizes in the ELF header are not those of the format");
    for (int i = 1; i < h->e_shnum; i++) {
        Elf64_Shdr s;
        memcpy(&s, im->file + h->e_shoff + (size_t)i * sizeof s, sizeof s);
        const uint32_t rights = PF_R | (s.sh_flags & SHF_WRITE ? PF_W : 0) | (s.sh_flags & SHF_EXECINSTR ? PF_X : 0);
        if (!(s.sh_flags & SHF_ALLOC) || (s.sh_flags & SHF_TLS) || s.sh_size == 0)
            continue;
        if (!loaded(im, s.sh_addr, s.sh_size, rights) ||
            (s.sh_type != SHT_NOBITS && !stands_at(im, s.sh_addr, s.sh_size, s.sh_offset)))
            return REFUSE(im, "damaged: section %d is in no segment that would load it as it needs", i);
    }
    return true;
}

/* Values that the loader asserts, so that anything else would end the program. */
static const struct {
    int tag;
    uint64_t value;
} demanded[] = {
    {DT_SYMENT, sizeof(Elf64_Sym)}, {DT_RELAENT, sizeof(Elf64_Rela)}, {DT_PLTREL, DT_RELA}, {DT_REL, 0},
};

/* Tables that the loader follows: where they begin and how many bytes they have. */
static const struct {
    int tag, size_tag;
    const char *name;
} tables[] = {
    {DT_STRTAB, DT_STRSZ, "names"},
    {DT_RELA, DT_RELASZ, "relocations"},
    {DT_JMPREL, DT_PLTRELSZ, "relocations of functions"},
    {DT_INIT_ARRAY, DT_INIT_ARRAYSZ, "constructors"},
    {DT_FINI_ARRAY, DT_FINI_ARRAYSZ, "destructors"},
};

static bool read_dynamic(image *im, const Elf64_Phdr *dynamic)
{
    bool ended = false;
    const uint64_t n = dynamic->p_filesz / sizeof(Elf64_Dyn);
    for (uint64_t i = 0; i < n && !ended; i++) {
        Elf64_Dyn d;
        memcpy(&d, im->file + dynamic->p_offset + i * sizeof d, sizeof d);
        ended = d.d_tag == DT_NULL;
        if (d.d_tag >= 0 && d.d_tag < DT_NUM)
            im->tag[d.d_tag] = d.d_un.d_val;
        else if (d.d_tag == DT_GNU_HASH)
            im->gnu_hash = d.d_un.d_val;
        else if (d.d_tag == DT_VERSYM)
            im->versym = d.d_un.d_val;
    }
    if (!ended)
        return REFUSE(im, "damaged: its dynamic table has no end");
    for (size_t i = 0; i < sizeof demanded / sizeof *demanded; i++) {
        const uint64_t value = im->tag[demanded[i].tag];
        if (value != 0 && value != demanded[i].value)
            return REFUSE(im, "damaged: entry %d of its dynamic table is %" PRIu64, demanded[i].tag, value);
    }
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const uint64_t begin = im->tag[tables[i].tag], size = im->tag[tables[i].size_tag];
        if (size > 0 && !at(im, begin, size))
            return REFUSE(im, "damaged: its table of %s points outside the file", tables[i].name);
    }
    const uint8_t *names = at(im, im->tag[DT_STRTAB], im->tag[DT_STRSZ]);
    if (!names || im->tag[DT_STRSZ] == 0 || names[im->tag[DT_STRSZ] - 1] != '\0')
        return REFUSE(im, "damaged: its table of names has no end");
    return true;
}

static uint32_t word(const uint8_t *p, uint64_t i)
{
    uint32_t w;
    memcpy(&w, p + 4 * i, sizeof w);
    return w;
}

/* The number of symbols stands nowhere: the old hash table has one chain entry for each; in GNU's the last
 * symbol is the end of the chain that begins last. */
static bool count_symbols(image *im)
{
    if (im->tag[DT_HASH]) {
        const uint8_t *hash = at(im, im->tag[DT_HASH], 8);
        if (!hash || !at(im, im->tag[DT_HASH], 8 + 4 * ((uint64_t)word(hash, 0) + word(hash, 1))))
            return REFUSE(im, "damaged: its hash table points outside the file");
        im->n_symbols = word(hash, 1);
    }
    if (im->gnu_hash) {
        const uint8_t *hash = at(im, im->gnu_hash, 16);
        const uint64_t buckets = hash ? word(hash, 0) : 0, first = hash ? word(hash, 1) : 0,
                       bloom = hash ? word(hash, 2) : 0, chains_at = 16 + 8 * bloom + 4 * buckets;
        if (!hash || buckets == 0 || bloom == 0 || (bloom & (bloom - 1)) != 0 || !at(im, im->gnu_hash, chains_at))
            return REFUSE(im, "damaged: its hash table points outside the file");
        const uint8_t *bucket = hash + 16 + 8 * bloom;
        uint64_t last = 0;
        for (uint64_t i = 0; i < buckets; i++) {
            const uint64_t begin = word(bucket, i);
            if (begin != 0 && begin < first)
                return REFUSE(im, "damaged: its hash table names a symbol that it does not have");
            last = begin > last ? begin : last;
        }
        uint64_t n = last ? last : first;
        for (bool ended = last == 0; !ended; n++) {
            const uint8_t *chain = at(im, im->gnu_hash + chains_at + 4 * (n - first), 4);
            if (!chain)
                return REFUSE(im, "damaged: a chain of its hash table has no end");
            ended = word(chain, 0) & 1;
        }
        im->n_symbols = n > im->n_symbols ? n : im->n_symbols;
    }
    if (!at(im, im->tag[DT_SYMTAB], im->n_symbols * sizeof(Elf64_Sym)))
        return REFUSE(im, "damaged: its table of symbols points outside the file");
    if (im->versym && !at(im, im->versym, 2 * im->n_symbols))
        return REFUSE(im, "damaged: its table of symbol versions points outside the file");
    return true;
}

static bool check_relocations(image *im)
{
    static const int list[][2] = {{DT_RELA, DT_RELASZ}, {DT_JMPREL, DT_PLTRELSZ}};
    for (size_t k = 0; k < 2; k++) {
        const uint64_t bytes = im->tag[list[k][1]];
        if (bytes == 0)
            continue;
        const uint8_t *table = at(im, im->tag[list[k][0]], bytes);
        for (uint64_t i = 0; i < bytes / sizeof(Elf64_Rela); i++) {
            Elf64_Rela r;
            memcpy(&r, table + i * sizeof r, sizeof r);
            const uint64_t symbol = ELF64_R_SYM(r.r_info);
            if (!loaded(im, r.r_offset, 8, PF_W) || (symbol != 0 && symbol >= im->n_symbols) ||
                (ELF64_R_TYPE(r.r_info) == RELATIVE && !loaded(im, (uint64_t)r.r_addend, 0, PF_R)))
                return REFUSE(im, "damaged: relocation %" PRIu64 " points outside its segments", i);
        }
    }
    return true;
}

static bool find_export(image *im, rn_plugin_head *head)
{
    const uint8_t *symbols = at(im, im->tag[DT_SYMTAB], im->n_symbols * sizeof(Elf64_Sym));
    const uint64_t names_bytes = im->tag[DT_STRSZ];
    const char *names = (const char *)at(im, im->tag[DT_STRTAB], names_bytes);
    bool undefined = false;
    for (uint64_t i = 1; i < im->n_symbols; i++) {
        Elf64_Sym s;
        memcpy(&s, symbols + i * sizeof s, sizeof s);
        if (s.st_name >= names_bytes)
            return REFUSE(im, "damaged: the name of symbol %" PRIu64 " is outside its table of names", i);
        if (strcmp(names + s.st_name, symbol_name) != 0) /* the last byte of the table is 0 */
            continue;
        if (s.st_shndx == SHN_UNDEF) {
            undefined = true;
            continue;
        }
        if (ELF64_ST_TYPE(s.st_info) != STT_OBJECT)
            return REFUSE(im, "its %s is no constant; define it with RN_PLUGIN", symbol_name);
        const uint8_t *value = at(im, s.st_value, sizeof *head);
        if (!value)
            return REFUSE(im, "damaged: %s is outside the file", symbol_name);
        rn_plugin_head found;
        memcpy(&found, value, sizeof found);
        if (found.bytes > s.st_size || !loaded(im, s.st_value, found.bytes, PF_R))
            return REFUSE(im, "damaged: %s says that it has %u bytes, the symbol has %" PRIu64, symbol_name,
                          found.bytes, (uint64_t)s.st_size);
        *head = found;
        return true;
    }
    return REFUSE(im, "exports no %s%s; it is no plugin, or was built without RN_PLUGIN (or with it hidden)",
                  symbol_name, undefined ? " (it only refers to one)" : "");
}

bool rn_elf_plugin_head(const char *path, const uint8_t *file, size_t bytes, rn_plugin_head *head, rn_error *err)
{
    image im = {.file = file, .bytes = bytes, .err = err};
    Elf64_Phdr dynamic = {0};
    if (check_header(&im) && check_segments(&im, &dynamic) && check_sections(&im) && read_dynamic(&im, &dynamic) &&
        count_symbols(&im) && check_relocations(&im) && find_export(&im, head))
        return true;
    return rn_context(err, "plugin '%s'", path);
}
