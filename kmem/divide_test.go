// Division by multiplication against / and %.

package kmem

import (
	"testing"

	"pgregory.net/rapid"
)

// TestReciprocalStarts: for every size, all objects of a slab of 128 KiB by their
// starts, and the bytes beside the starts as no object at all.
func TestReciprocalStarts(t *testing.T) {
	const slabBytes = 128 << 10
	for size := uint32(2); size <= slabBytes; size++ {
		num := slabBytes / size
		r := newReciprocal(size, num)
		for i := range num {
			rel := i * size
			if got := r.index(rel); got != i || !r.starts(rel) {
				t.Fatalf("size %d: offset %d is object %d, got %d, %v", size, rel, i, got, r.starts(rel))
			}
			if r.starts(rel+1) || r.starts(rel+size-1) || size > 2 && r.starts(rel+size/2) {
				t.Fatalf("size %d: an offset inside object %d passes for a start", size, i)
			}
		}
		if r.starts(num * size) {
			t.Fatalf("size %d: the end of the slab passes for an object", size)
		}
	}
}

// TestReciprocal: any size and offset, negative offsets among them.
func TestReciprocal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint32Range(2, 1<<20).Draw(t, "size")
		num := rapid.Uint32Range(0, uint32((1<<32-1)/uint64(size))).Draw(t, "num")
		rel := rapid.Uint32().Draw(t, "rel")
		if rapid.Bool().Draw(t, "start") {
			rel = rel / size * size
		}
		r := newReciprocal(size, num)
		isStart := rel%size == 0 && rel/size < num
		if r.starts(rel) != isStart || isStart && r.index(rel) != rel/size {
			t.Fatalf("size %d num %d: offset %d gives %d, %v", size, num, rel, r.index(rel), r.starts(rel))
		}
	})
}

func BenchmarkReciprocal(b *testing.B) {
	r := newReciprocal(1176, 3)
	n := 0
	for i := range uint32(b.N) {
		if r.starts(i) {
			n++
		}
	}
	_ = n
}
