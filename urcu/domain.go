// Domains: New, Default, and the places where everything else hangs. See doc.go.

package urcu

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

// Options are the settings of a domain. The zero value is good.
type Options struct {
	// Name appears in reports, panics and profiles. Empty means "urcu".
	Name string
	// Flavor of registered readers. Zero: Memb where the kernel offers
	// membarrier(2), else MB.
	Flavor Flavor
	// StallTimeout is how long a grace period may wait before its reader is
	// reported. Zero means 21 s.
	StallTimeout time.Duration
	// StallHook gets the reports. It runs on the goroutine that waits, or for
	// leaked readers on the runtime's cleanup goroutine, and must not wait for a
	// grace period. Nil prints to standard error.
	StallHook func(Stall)
	// HighMark is how many callbacks may be pending in one queue before every
	// Call hurries grace periods along and slices grow. Zero means 10,000.
	HighMark int
	// OverMark is where the backstop goroutine helps as well. Zero means twice
	// HighMark.
	OverMark int
	// MaxCallbacks bounds what TryCall accepts: it fails while so many callbacks
	// of the domain are pending. Zero means no bound.
	MaxCallbacks int
	// NoLeases makes every section of any goroutine claim its word by an exchange,
	// also those of goroutines that enter one after the other. They cost several
	// nanoseconds more then, and never a membarrier: see the package's documentation.
	NoLeases bool
}

func (o *Options) fill() error {
	if o.Name == "" {
		o.Name = "urcu"
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"StallTimeout", int64(o.StallTimeout)}, {"HighMark", int64(o.HighMark)},
		{"OverMark", int64(o.OverMark)}, {"MaxCallbacks", int64(o.MaxCallbacks)},
	} {
		if f.value < 0 {
			return fmt.Errorf("%s is %d, want 0 or more", f.name, f.value)
		}
	}
	if o.StallTimeout == 0 {
		o.StallTimeout = defaultStallTimeout
	}
	if o.HighMark == 0 {
		o.HighMark = 10_000
	}
	if o.OverMark == 0 {
		o.OverMark = 2 * o.HighMark
	}
	if o.OverMark < o.HighMark {
		return fmt.Errorf("OverMark is %d, want HighMark (%d) or more", o.OverMark, o.HighMark)
	}
	return o.Flavor.resolve()
}

// ErrNoMembarrier is why New refuses an explicit Memb.
var ErrNoMembarrier = errors.New("membarrier(2) is missing or forbidden; use MB")

func (f *Flavor) resolve() error {
	switch *f {
	case QSBR, MB:
	case 0:
		*f = MB
		if membarrierReady() {
			*f = Memb
		}
	case Memb:
		if !membarrierReady() {
			return fmt.Errorf("flavor memb: %w", ErrNoMembarrier)
		}
	default:
		return fmt.Errorf("flavor is %v, want qsbr, memb or mb", *f)
	}
	return nil
}

// A Domain is one universe of readers and grace periods: an updater waits for
// the sections of its own domain alone. All methods may be called from any
// goroutine, with the restrictions that each one names.
type Domain struct {
	// Constant after New.
	name         string
	flavor       Flavor
	stallTimeout time.Duration
	hook         func(Stall)
	high, over   int
	max          int
	sections     *page   // sections of any goroutine
	leases       *leases // of words for them
	noLeases     bool
	queues       *[slotCount]queue // callbacks
	unsubscribe  func()
	permanent    bool // the default domain

	closed atomic.Uint32 // written once

	_ [smp.LinePad]byte

	// epoch is read by every reader and written once in a grace period.
	epoch uint64

	_ [smp.LinePad]byte

	// Updaters.
	completed uint64 // all tags up to this one are done; equals epoch when no grace period is under way
	grace     grace
	bell      bell
	sentinel  atomic.Uint32 // 1: a waiter listens to the bell
	crowd     crowd
	stats     stats

	registry registry
	overflow atomic.Pointer[[]*page] // further pages of sections, replaced when they grow
	nextLine atomic.Uint64           // where the search in them goes on

	spill    atomic.Pointer[Head] // callbacks that found no queue, newest first
	spillers atomic.Int64         // Calls under way there
	pending  atomic.Int64         // counted only under MaxCallbacks
	closures closures
	back     backstop
}

// New makes a domain. It fails on settings out of range, and for an explicit
// Memb where membarrier(2) is missing. Close ends it; a domain that is never
// closed stays in memory.
func New(o Options) (*Domain, error) {
	if err := o.fill(); err != nil {
		return nil, fmt.Errorf("urcu: New(%q): %w", o.Name, err)
	}
	d := &Domain{
		name: o.Name, flavor: o.Flavor,
		stallTimeout: o.StallTimeout, hook: o.StallHook,
		high: o.HighMark, over: o.OverMark, max: o.MaxCallbacks,
		sections: newPage(), leases: newLeases(), noLeases: o.NoLeases,
		queues: new([slotCount]queue),
	}
	for i := range d.queues {
		d.queues[i].index, d.queues[i].due = i, 1
	}
	atomic.StoreUint64(&d.epoch, firstEpoch())
	atomic.StoreUint64(&d.completed, firstEpoch())
	d.grace.patient = patientPolls
	d.bell = newBell()
	d.registry.chunks.Store(new([]*chunk))
	d.overflow.Store(new([]*page))
	d.closures.init()
	d.back.init(d)
	d.unsubscribe = smp.Subscribe(hotplug{d})
	return d, nil
}

var defaultDomain = sync.OnceValue(func() *Domain {
	d, err := New(Options{Name: "default"})
	if err != nil {
		panic(err) // no setting can be wrong
	}
	d.permanent = true
	return d
})

// Default returns the process-wide domain, Memb or MB as Flavor says. It cannot
// be closed.
func Default() *Domain { return defaultDomain() }

// Name returns the name given to New.
func (d *Domain) Name() string { return d.name }

// Flavor returns the flavor of registered readers; never zero.
func (d *Domain) Flavor() Flavor { return d.flavor }

// HeavyFence is a full fence on every running thread of the process, for the
// rare side of an asymmetric protocol whose frequent side uses plain stores. It
// returns false where the system has no membarrier(2); then both sides must use
// atomics. It does not block; 0.5 to 20 µs.
func HeavyFence() bool { return membarrier() }

// HasHeavyFence reports whether HeavyFence works; the answer never changes.
func HasHeavyFence() bool { return membarrierReady() }

// hotplug hears of emulated CPUs.
type hotplug struct{ d *Domain }

// CPUOnline has nothing to do: queues and words are chosen by stack address.
func (hotplug) CPUOnline(*smp.CPU) {}

// CPUOffline hands the CPU's callbacks to the backstop at once, as nobody else
// will drive them. It runs on the CPU's own goroutine.
func (h hotplug) CPUOffline(*smp.CPU) {
	if h.d.back.armed.Load() != 0 {
		h.d.back.kick(urgent)
	}
}
