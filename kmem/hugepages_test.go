package kmem

import (
	"errors"
	"strings"
	"testing"
)

// TestHugePages: whatever is wished, and whether the system grants it, the heap
// works, and says what it could not have.
func TestHugePages(t *testing.T) {
	for _, wish := range []HugePages{HugePagesSystem, HugePagesAlways, HugePagesNever} {
		h := newTestHeap(t, HeapOptions{HugePages: wish})
		if err := h.HugePagesError(); err != nil {
			t.Errorf("%v: before there is a page: %v", wish, err)
		}
		c := newTestCache(t, h, "c", 4096, CacheOptions{})
		fillAndFree(c.Alloc, c.Free, 3000)
		err := h.HugePagesError()
		if err != nil && !errors.Is(err, errors.ErrUnsupported) || wish == HugePagesSystem && err != nil {
			t.Errorf("%v: %v", wish, err)
		}
		t.Logf("%v: %v", wish, err)
	}
	if _, err := NewHeap(HeapOptions{Name: "odd", HugePages: 7}); err == nil || !strings.Contains(err.Error(), `NewHeap "odd": HugePages(7): legal are system, always, never`) {
		t.Errorf("an unknown wish: %v", err)
	}
}

func TestHugePagesText(t *testing.T) {
	for _, p := range []HugePages{HugePagesSystem, HugePagesAlways, HugePagesNever} {
		text, err := p.MarshalText()
		var q HugePages
		if err != nil || q.UnmarshalText(text) != nil || q != p {
			t.Errorf("%v became %q and then %v: %v", p, text, q, err)
		}
	}
	p := HugePagesNever
	if err := p.UnmarshalText([]byte("sometimes")); err == nil || p != HugePagesNever || !strings.Contains(err.Error(), "system, always, never") {
		t.Errorf("%v: %v", p, err)
	}
	if _, err := HugePages(9).MarshalText(); err == nil {
		t.Error("an unknown value has a text")
	}
}
