// Hashes of keys. See doc.go for an overview.

package rcumap

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"reflect"
)

// secret makes a map's hashes unlike those of any other.
type secret struct {
	word bool // keys are words or less, and all their bits count
	a, b uint64
	seed maphash.Seed
}

func newSecret[K comparable]() secret {
	t := reflect.TypeFor[K]()
	return secret{
		word: t.Size() > 0 && t.Size() <= 8 && valueBits(t) == int(t.Size())*8,
		a:    rand.Uint64(), b: rand.Uint64(),
		seed: maphash.MakeSeed(),
	}
}

// hash returns the hash of a key. Words are mixed with two secret numbers by two
// multiplications to 128 bits, as wyhash does. (After one, keys in a row crowd
// with some numbers.)
func (m *Map[K, V]) hash(key K) uint64 {
	if !m.secret.word {
		return m.hashLong(key)
	}
	hi, lo := bits.Mul64(word(key)^m.secret.a, m.secret.b)
	hi, lo = bits.Mul64(lo^m.secret.a, hi^m.secret.b)
	return hi ^ lo
}

//go:noinline
func (m *Map[K, V]) hashLong(key K) uint64 { return maphash.Comparable(m.secret.seed, key) }

// valueBits counts the bits of a type that == looks at: not the padding of a
// struct, not its blank fields. A type that is no plain memory has none.
func valueBits(t reflect.Type) (n int) {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return int(t.Size()) * 8
	case reflect.Array:
		return t.Len() * valueBits(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.Name != "_" {
				n += valueBits(f.Type)
			}
		}
	}
	return n
}
