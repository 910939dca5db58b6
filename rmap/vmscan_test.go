// The page scanner: who stays in memory, and that there is always some.

package rmap

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

// TestScanAges: pages that are touched stay, others go to swap.
func TestScanAges(t *testing.T) {
	eachRoad(t, func(t *testing.T, impl Impl) {
		const pages, busy = 40, 8
		m := newTestMachine(t, Options{Impl: impl, Frames: 2 * pages})
		task := newTestTask(t, m)
		mm, err := task.NewMM()
		must(t, err)
		must(t, task.Mmap(mm, 0, pages, Read|Write))
		for addr := range uint64(pages) {
			must(t, task.Store(mm, addr, addr))
		}
		for range 12 {
			for addr := range uint64(busy) {
				_, err := task.Load(mm, addr)
				must(t, err)
			}
			task.Scan(scanBatch)
		}
		if n := task.Counts().SwapIns; n > busy {
			t.Errorf("%d pages came back from swap; want the %d that are touched all the time to stay", n, busy)
		}
		if got := mm.Pages(); got > pages/2 {
			t.Errorf("%d of %d pages are in memory, and %d are touched", got, pages, busy)
		}
		for addr := range uint64(pages) {
			if v, err := task.Load(mm, addr); v != addr || err != nil {
				t.Errorf("page %d reads %d, %v", addr, v, err)
			}
		}
		must(t, m.Check(mm))
		task.Exit(mm)
	})
}

// TestScannerOnItsOwnCPU: a process that writes to more pages than there are
// frames does not have to reclaim by itself all the time.
func TestScannerOnItsOwnCPU(t *testing.T) {
	const frames, rounds = 64, 20
	m := newTestMachine(t, Options{Frames: frames})
	var done atomic.Bool
	var reclaimed atomic.Uint64
	var scanned Counts
	deadline := time.Now().Add(20 * time.Second) // a busy machine may keep the scanner waiting
	smp.Run(2, func(cpu *smp.CPU) {
		task := m.NewTask(cpu, "task")
		defer task.Close()
		if cpu.ID() == 1 {
			task.Scanner(frames/8, frames/4, func() bool {
				reclaimed.Store(uint64(task.Counts().Reclaimed))
				return !done.Load()
			})
			scanned = task.Counts()
			return
		}
		defer done.Store(true)
		mm, err := task.NewMM()
		if err == nil {
			err = task.Mmap(mm, 0, 2*frames, Read|Write)
		}
		for v := uint64(0); err == nil && (v < rounds || reclaimed.Load() == 0 && time.Now().Before(deadline)); v++ {
			for addr := uint64(0); addr < 2*frames && err == nil; addr++ {
				if got, _ := task.Load(mm, addr); v > 0 && got != v-1 {
					t.Errorf("page %d reads %d, want %d", addr, got, v-1)
				}
				err = task.Store(mm, addr, v)
			}
			task.Rest()
		}
		if err != nil {
			t.Error(err)
		}
		task.Exit(mm)
	})
	t.Logf("evidence: the scanner freed %d frames, walking %d lists", scanned.Reclaimed, scanned.Walks)
	if scanned.Reclaimed == 0 {
		t.Error("the scanner freed nothing")
	}
	must(t, m.Check())
}
