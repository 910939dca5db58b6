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
	for size := uint32(1); size <= slabBytes; size++ {
		r := newReciprocal(size)
		num := slabBytes / size
		for i := range num {
			rel := i * size
			if got := r.index(rel); got != i {
				t.Fatalf("size %d: offset %d is object %d, got %d", size, rel, i, got)
			}
			if size > 1 && (r.index(rel+1) < num || r.index(rel+size-1) < num || r.index(rel+size/2) < num) {
				t.Fatalf("size %d: an offset inside object %d passes for a start", size, i)
			}
		}
		if r.index(num*size) < num {
			t.Fatalf("size %d: the end of the slab passes for an object", size)
		}
	}
}

// TestReciprocal: any size and offset, negative offsets among them.
func TestReciprocal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint32Range(1, 1<<20).Draw(t, "size")
		num := rapid.Uint32Range(1, uint32(1<<32/uint64(size)-1)).Draw(t, "num")
		rel := rapid.Uint32().Draw(t, "rel")
		if rapid.Bool().Draw(t, "start") {
			rel = rel / size * size
		}
		q := newReciprocal(size).index(rel)
		isStart := rel%size == 0 && rel/size < num
		if (q < num) != isStart || isStart && q != rel/size {
			t.Fatalf("size %d num %d: offset %d gives %d", size, num, rel, q)
		}
	})
}

func BenchmarkReciprocal(b *testing.B) {
	r := newReciprocal(1176)
	var sum uint32
	for i := range uint32(b.N) {
		sum += r.index(i)
	}
	_ = sum
}
