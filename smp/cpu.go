// The CPU as its owner and its subscribers see it. See doc.go for the walk.

package smp

const (
	// MaxCPUs bounds the number of live CPUs; every ID is below it.
	MaxCPUs = 1024

	// LinePad is how many bytes keep two writers apart: two cache lines, as
	// the prefetcher of many machines fetches lines in adjacent pairs.
	LinePad = 128
)

// A CPU is one emulated CPU while its body runs. All its methods only read what
// was settled before the body began; any goroutine may call them.
type CPU struct {
	// constant before the first notification
	id       int
	hardware int
	affinity error
	thread   int
	failed   bool // a panic or Goexit in it; its own goroutine's
}

// ID is the CPU's number: unique among live CPUs, the smallest that was free
// when it came, below [MaxCPUs].
func (c *CPU) ID() int { return c.id }

// Hardware is the hardware CPU it is bound to, or -1 when it is not bound.
func (c *CPU) Hardware() int { return c.hardware }

// AffinityError says why the CPU is not bound to a hardware CPU. It is nil
// when it is.
func (c *CPU) AffinityError() error { return c.affinity }
