// Layout profiles: their names, and what makes one impossible or not runnable.

package kmem

import (
	"strings"
	"testing"
)

func TestLayoutNames(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range Layouts() {
		if seen[l.Name] {
			t.Errorf("two layouts are named %q", l.Name)
		}
		seen[l.Name] = true
		text, err := l.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Layout
		if err := back.UnmarshalText(text); err != nil || back != l {
			t.Errorf("%q reads as %+v, %v", text, back, err)
		}
		if err := l.check(); err != nil {
			t.Error(err)
		}
	}
	kept := LayoutNative
	err := kept.UnmarshalText([]byte("2.4"))
	if err == nil || !strings.Contains(err.Error(), "native") || !strings.Contains(err.Error(), "2.6.14") {
		t.Errorf("unknown layout: %v; want the legal ones", err)
	}
	if kept != LayoutNative {
		t.Error("a failed read changed the layout")
	}
	if l, err := ParseLayout(" NATIVE "); err != nil || l != LayoutNative {
		t.Errorf("case and blanks: %v, %v", l, err)
	}
}

func TestLayoutRunnable(t *testing.T) {
	for name, why := range map[string]string{
		"native": "", "2.6.5": "", "2.6.9": "", "2.6.11": "", "2.6.14": "",
		"2.6.9-i386": "words of 4", "2.6.8-i386-up": "words of 4",
		"2.6.5-mm-i386": "words of 4", "2.6.14-i386": "words of 4",
	} {
		err := mustLayout(t, name).Runnable()
		if why == "" && err != nil || why != "" && (err == nil || !strings.Contains(err.Error(), why)) {
			t.Errorf("layout %s: %v, want %q", name, err, why)
		}
	}
	if n := len(Layouts()); n != 9 {
		t.Errorf("%d layouts; the table above knows 9", n)
	}
	for what, change := range map[string]func(*Layout){
		"pages of 8192":      func(l *Layout) { l.PageSize = 8192 },
		"slabs of order 6":   func(l *Layout) { l.MaxOrder = 6 },
		"header of 32 bytes": func(l *Layout) { l.Header = 32 },
		"BufctlBits":         func(l *Layout) { l.BufctlBits = 0 },
	} {
		l := Layout2_6_9
		change(&l)
		if err := l.Runnable(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestLayoutCheck(t *testing.T) {
	for field, change := range map[string]func(*Layout){
		"Word":       func(l *Layout) { l.Word = 6 },
		"PageSize":   func(l *Layout) { l.PageSize = 16 },
		"CacheLine":  func(l *Layout) { l.CacheLine = 4 },
		"Header":     func(l *Layout) { l.Header = -1 },
		"BufctlBits": func(l *Layout) { l.BufctlBits = 65 },
		"BufctlUnit": func(l *Layout) { l.BufctlUnit = 3 },
		"MinSize":    func(l *Layout) { l.MinSize = 0 },
		"MinObjects": func(l *Layout) { l.MinObjects = -1 },
		"MaxOrder":   func(l *Layout) { l.MaxOrder = 17 },
		"BreakOrder": func(l *Layout) { l.BreakOrder = 6 },
		"Align,":     func(l *Layout) { l.Align = 9 },
	} {
		l := LayoutNative
		change(&l)
		if err := l.check(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestSlabLimit: two values of an index mark ends, a bitmap marks nothing.
func TestSlabLimit(t *testing.T) {
	if got := Layout2_6_9.slabLimit(); got != 65533 {
		t.Errorf("16 bits: %d objects, want 65533", got)
	}
	if got := LayoutNative.slabLimit(); got < 1<<30 {
		t.Errorf("a bitmap: %d objects", got)
	}
	narrow := Layout2_6_9
	narrow.BufctlBits, narrow.BufctlUnit = 8, 1
	if g, err := narrow.Geometry(8, 0, 0); err != nil || g.Num != 253 || g.Left != 8192-296-253*8 {
		t.Errorf("8 bits: %s, %v; want 253 objects and the rest left", g, err)
	}
}
