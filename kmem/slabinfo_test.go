// The geometry against reality: rows of /proc/slabinfo from four kernels.

package kmem

import (
	"encoding/csv"
	"os"
	"strconv"
	"testing"
)

// dumpLayouts says which profile is that of a dump's kernel.
var dumpLayouts = map[string]string{
	"D1": "2.6.9",         // 2.6.8, x86_64
	"D3": "2.6.8-i386-up", // 2.6.8-rc4
	"D7": "2.6.5-mm-i386", // 2.6.5-rc1-mm1
	"D9": "2.6.14",        // 2.6.14.2, x86_64
}

// slabinfoRow is a row of the file by the names of its header.
type slabinfoRow map[string]string

func (r slabinfoRow) num(t *testing.T, column string) int {
	t.Helper()
	n, err := strconv.Atoi(r[column])
	if err != nil {
		t.Fatalf("%s %s: column %s: %v", r["dump"], r["name"], column, err)
	}
	return n
}

func readSlabinfo(t *testing.T) []slabinfoRow {
	t.Helper()
	f, err := os.Open("testdata/slabinfo-2.6.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []slabinfoRow
	for _, line := range lines[1:] {
		row := slabinfoRow{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// TestSlabinfo reproduces every row of every dump.
func TestSlabinfo(t *testing.T) {
	rows := readSlabinfo(t)
	if len(rows) != 345 {
		t.Fatalf("%d rows, want 345", len(rows))
	}
	for _, row := range rows {
		l, err := ParseLayout(dumpLayouts[row["dump"]])
		if err != nil {
			t.Fatalf("dump %s: %v", row["dump"], err)
		}
		// A dump shows the size after it was aligned. Where that is 512 or more
		// and the cache was not large enough to start off-slab, the size asked
		// for lay below.
		size := row.num(t, "objsize")
		if eighth := l.PageSize / 8; row.num(t, "offslab_requested") == 0 && size >= eighth {
			size = eighth - l.Word
		}
		var flags Flags
		if row.num(t, "reclaim") == 1 {
			flags |= ReclaimAccount
		}
		g, err := l.Geometry(size, row.num(t, "align"), flags)
		if err != nil {
			t.Errorf("%s %s: %v", row["dump"], row["name"], err)
			continue
		}
		for column, got := range map[string]int{
			"objsize":      g.ObjSize,
			"objperslab":   g.Num,
			"pagesperslab": 1 << g.Order,
			"limit":        g.Limit,
			"batchcount":   g.Batch,
			"sharedfactor": g.SharedFactor,
		} {
			if want := row.num(t, column); got != want {
				t.Errorf("%s %s: %s is %d, want %d: %s", row["dump"], row["name"], column, got, want, g)
			}
		}
	}
}

// TestSlabinfoProfiles holds the profiles to what the dumps say of their kernels.
func TestSlabinfoProfiles(t *testing.T) {
	for _, row := range readSlabinfo(t) {
		l, _ := ParseLayout(dumpLayouts[row["dump"]])
		smp := 0
		if l.SMP {
			smp = 1
		}
		for column, got := range map[string]int{
			"word":      l.Word,
			"bufctl":    l.BufctlBits / 8,
			"header":    l.Header,
			"cacheline": l.CacheLine,
			"smp":       smp,
		} {
			if want := row.num(t, column); got != want {
				t.Errorf("dump %s: layout %s has %s %d, want %d", row["dump"], l, column, got, want)
			}
		}
		if row["mgmt_align"] != "align" || l.Mgmt != MgmtPadAlign {
			t.Errorf("dump %s: layout %s pads by rule %d, the dump by %s", row["dump"], l, l.Mgmt, row["mgmt_align"])
		}
	}
}
