package urcu

import (
	"sync/atomic"
	"testing"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

func membDomain(t *testing.T) *Domain {
	t.Helper()
	if !HasHeavyFence() {
		t.Skip(ErrNoMembarrier)
	}
	return newDomain(t, Options{Flavor: Memb})
}

// One look asks all readers, each answers with its next Unlock, and the look after
// that passes them all: without a membarrier, and although all are inside again.
func TestAcknowledgements(t *testing.T) {
	d := membDomain(t)
	var readers [70]*MembReader // more than a chunk
	for i := range readers {
		readers[i] = d.RegisterMemb("")
		readers[i].Lock()
	}
	for n := range 100 {
		tag := d.tag()
		if d.step(tag, false) {
			t.Fatalf("grace period %d ended inside all sections", n)
		}
		for i, r := range readers {
			if i == len(readers)-1 && d.step(tag, false) {
				t.Fatalf("grace period %d ended inside the last section", n)
			}
			r.Unlock()
			r.Lock()
		}
		if !d.step(tag, false) {
			t.Fatalf("grace period %d waits for readers that have acknowledged it", n)
		}
	}
	if n := d.Stats().Membarriers; n != 0 {
		t.Errorf("%d membarriers for readers that acknowledge", n)
	}
	for _, r := range readers {
		r.Unlock()
		r.Unregister()
	}
}

// Who sleeps for a reader is told, also when somebody else has asked since for
// another grace period.
func TestMarkStays(t *testing.T) {
	d := membDomain(t)
	r := d.RegisterMemb("r")
	defer r.Unregister()
	r.Lock()
	g := &d.grace
	if !g.tryLead() {
		t.Fatal("somebody else leads")
	}
	g.begin(d)
	if !g.ask(d) {
		t.Fatal("the reader is not late")
	}
	g.begin(d)
	g.advance(d)
	d.release()
	r.Unlock()
	if len(d.bell.ch) == 0 {
		t.Error("the reader has not rung")
	}
	d.Synchronize()
}

// Unlock of a section inside another one answers nothing.
func TestNestedAcknowledgesNothing(t *testing.T) {
	d := membDomain(t)
	r := d.RegisterMemb("")
	r.Lock()
	tag := d.tag()
	for n := range 1000 { // past all patience, so behind a membarrier too
		r.Lock()
		if d.step(tag, n%2 == 0) {
			t.Fatal("a grace period ended in a nested section")
		}
		r.Unlock()
		if d.step(tag, n%2 == 0) {
			t.Fatal("a grace period ended after a nested section")
		}
	}
	r.Unlock()
	if !d.step(tag, false) {
		t.Error("a grace period waits for a reader that has left")
	}
	r.Unregister()
}

// Nobody waits for an offline reader, or fences for it, and nothing that leaders do
// meanwhile hides a section that it must not have.
func TestMembOffline(t *testing.T) {
	d := membDomain(t)
	r := d.RegisterMemb("r")
	defer r.Unregister()
	misuse := func(after string) {
		t.Helper()
		if invariant.Enabled {
			wantPanic(t, "offline", r.Lock)
			wantPanic(t, "without Lock", r.Unlock)
			return
		}
		wantPanic(t, "offline", r.Unlock)
		r.Lock()
		wantPanic(t, "offline", r.Unlock)
		r.Lock()
		r.Lock()
		wantPanic(t, "offline", r.Unlock) // inside as well
		if r.rec.word != 0 {
			t.Errorf("%s: word is %#x", after, r.rec.word)
		}
	}
	for range 3 {
		r.Offline()
		r.Offline()
		misuse("Offline")
		for range 10 {
			if tag := d.tag(); !d.step(tag, false) {
				t.Error("a grace period waits for an offline reader")
			}
		}
		misuse("grace periods")
		for _, late := range []uint64{noticeAck, noticeParked | noticeAck} { // by a leader that looked before
			atomic.StoreUint64(&r.rec.notice, late)
			misuse("a late notice")
		}
		r.Online()
		r.Online()
		r.Lock()
		tag := d.tag()
		if d.step(tag, true) {
			t.Error("a grace period ended inside the first section")
		}
		wantPanic(t, "inside a section", r.Online)
		wantPanic(t, "inside a section", r.Offline)
		r.Unlock()
		if !d.step(tag, false) {
			t.Error("the first Unlock after Online acknowledged nothing")
		}
	}
}

// A count that is wrong holds up everybody, and the first Unlock after a look tells.
func TestMembUnlockTooMany(t *testing.T) {
	if invariant.Enabled {
		t.Skip("invariant builds panic in the first wrong Unlock")
	}
	d := membDomain(t)
	r := d.RegisterMemb("r")
	defer r.Unregister()
	held := func(what string) uint64 {
		t.Helper()
		tag := d.tag()
		for n := range 1000 {
			if d.step(tag, n%2 == 0) {
				t.Fatalf("a grace period ended: %s", what)
			}
		}
		return tag
	}
	section := func() {
		r.Lock()
		burn()
		r.Unlock()
	}
	for _, before := range []func(){func() {}, section, func() { r.Offline(); r.Online() }} {
		before()
		d.Synchronize()
		section()  // answers whatever notice there is
		r.Unlock() // goes unnoticed, as nobody has asked for the reader
		tag := held("an Unlock too many")
		wantPanic(t, "inside a section of reader", r.Synchronize)
		r.Lock()
		wantPanic(t, "Unlock without Lock", r.Unlock)
		if !d.step(tag, true) {
			t.Error("the panic has left the count wrong")
		}
	}
	for range nestMask + 1 {
		r.Lock()
	}
	held("65,536 sections open")
	r.Lock()
	tag := held("65,537 sections open")
	wantPanic(t, "more than 65535 sections open", r.Unlock)
	r.Unlock()
	held("65,535 sections open")
	for range nestMask {
		r.Unlock()
	}
	for range 3 { // one for each that was held
		d.step(tag, true)
	}
	if !d.done(tag) {
		t.Error("a grace period waits for a reader that has left all sections")
	}
}

// Invariant builds look at every Lock.
func TestMembLockTooDeep(t *testing.T) {
	needInvariants(t)
	d := membDomain(t)
	r := d.RegisterMemb("r")
	defer r.Unregister()
	r.rec.word += nestMask
	wantPanic(t, "Lock with 65535 sections open", r.Lock)
	r.rec.word -= nestMask
}
