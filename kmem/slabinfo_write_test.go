package kmem

import (
	"errors"
	"strings"
	"testing"
)

// TestWriteSlabinfo compares the text with what a 2.6.11 kernel would have
// printed, column for column.
func TestWriteSlabinfo(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Layout: Layout2_6_9})
	anon := newTestCache(t, h, "anon_vma", 24, CacheOptions{Flags: DestroyByRCU})
	big := newTestCache(t, h, "biovec-BIO_MAX_PAGES", 3072, CacheOptions{})
	live := make([]Pointer, 157)
	if err := anon.AllocBulk(live); err != nil {
		t.Fatal(err)
	}
	p := big.Alloc()
	var b strings.Builder
	if err := h.WriteSlabinfo(&b); err != nil {
		t.Fatal(err)
	}
	const want = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
anon_vma             157    312     24  156    1 : tunables  120   60    8 : slabdata      2      2      0
biovec-BIO_MAX_PAGES      2      2   3072    2    2 : tunables   24   12    8 : slabdata      1      1      0
`
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if err := h.WriteSlabinfo(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("a writer that fails: %v", err)
	}
	anon.FreeBulk(live)
	big.Free(p)
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// TestParseTuning is the table of lines that may be written.
func TestParseTuning(t *testing.T) {
	for _, tt := range []struct {
		line string
		want tuning
		says string
	}{
		{"anon_vma 120 60 8", tuning{"anon_vma", 120, 60, 8}, ""},
		{"anon_vma 120 60 8\n", tuning{"anon_vma", 120, 60, 8}, ""},
		{"anon_vma  120   60  8", tuning{"anon_vma", 120, 60, 8}, ""},
		{"x 1 1 0", tuning{"x", 1, 1, 0}, ""},
		{"", tuning{}, "want \"name limit batchcount sharedfactor\""},
		{" 120 60 8", tuning{}, "want \"name"},
		{"anon_vma 120 60", tuning{}, "want \"name"},
		{"anon_vma 120 60 8 1", tuning{}, "want \"name"},
		{"anon_vma 120 sixty 8", tuning{}, `"sixty" is no number`},
		{"anon_vma 0 0 0", tuning{}, "limit 0; legal are 1 to 32768"},
		{"anon_vma 2000000000 1 0", tuning{}, "limit 2000000000"},
		{"anon_vma 10 0 0", tuning{}, "batchcount 0; legal are 1 to the limit, 10"},
		{"anon_vma 10 11 0", tuning{}, "batchcount 11"},
		{"anon_vma 10 5 -1", tuning{}, "sharedfactor -1; legal are 0 to 6553"},
		{"anon_vma 10 5 6554", tuning{}, "sharedfactor 6554"},
		{strings.Repeat("x", 125) + " 1 1 0", tuning{}, "131 bytes; legal are up to 128"},
	} {
		got, err := parseTuning(tt.line)
		switch {
		case tt.says == "" && (err != nil || got != tt.want):
			t.Errorf("%q: %+v, %v", tt.line, got, err)
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
			t.Errorf("%q: %v, want %q", tt.line, err, tt.says)
		}
	}
}

// TestTuneSlabinfo: what is written is read again, and takes effect.
func TestTuneSlabinfo(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Name: "tuned", Layout: layout})
		c := newTestCache(t, h, "anon_vma", 64, CacheOptions{})
		if err := h.TuneSlabinfo("anon_vma 10 4 2\n"); err != nil {
			t.Fatal(err)
		}
		live := make([]Pointer, 300)
		for i := range live {
			live[i] = c.Alloc()
		}
		for _, p := range live {
			c.Free(p)
		}
		var b strings.Builder
		if err := h.WriteSlabinfo(&b); err != nil {
			t.Fatal(err)
		}
		if s := c.Stats(); s.Active > len(c.slots.s)*12 || s.Shared > 8 || !strings.Contains(b.String(), " : tunables   10    4    2 : slabdata ") {
			t.Errorf("%+v\n%s", s, &b)
		}
		for line, says := range map[string]string{
			"anon_vma 0 0 0":  `kmem: TuneSlabinfo in heap "tuned": limit 0; legal are 1 to`,
			"anon_vmas 1 1 1": "there is no cache of that name",
		} {
			if err := h.TuneSlabinfo(line); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %v, want %q", line, err, says)
			}
		}
	})
}
