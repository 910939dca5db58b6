package smp

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// together is a meeting of n bodies: none goes on before all have come.
func together(n int) func() {
	var wg sync.WaitGroup
	wg.Add(n)
	return func() { wg.Done(); wg.Wait() }
}

func TestIdentities(t *testing.T) {
	for _, n := range []int{1, 2, 16, 100} {
		meet, meet2 := together(n), together(n)
		seen := make([]atomic.Int32, n)
		Run(n, func(c *CPU) {
			meet()
			if c.ID() < n {
				seen[c.ID()].Add(1)
			}
			if Live() != n {
				t.Errorf("%d live CPUs inside Run(%d)", Live(), n)
			}
			meet2() // nobody leaves before all have looked
		})
		for id := range seen {
			if got := seen[id].Load(); got != 1 {
				t.Errorf("Run(%d): %d CPUs had number %d", n, got, id)
			}
		}
		if Live() != 0 {
			t.Errorf("%d live CPUs after Run(%d)", Live(), n)
		}
	}
}

func TestNestedRunTakesNextNumbers(t *testing.T) {
	Run(1, func(outer *CPU) {
		var ids [3]int
		Run(3, func(c *CPU) { ids[c.ID()-1] = c.ID() })
		if outer.ID() != 0 || ids != [3]int{1, 2, 3} {
			t.Errorf("outer %d, inner %v: want 0 and 1 2 3", outer.ID(), ids)
		}
		Run(1, func(c *CPU) {
			if c.ID() != 1 {
				t.Errorf("number 1 is free again, got %d", c.ID())
			}
		})
	})
}

// TestNumbersAgainstModel: many Runs at once, some nested.
// Oracle: no two live CPUs ever hold one number.
func TestNumbersAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 6), 1, 6).Draw(t, "runs")
		nest := rapid.SliceOfN(rapid.IntRange(0, 3), 36, 36).Draw(t, "nested")
		var owner [MaxCPUs]atomic.Bool
		var clash atomic.Int32
		hold := func(c *CPU, inside func()) {
			if owner[c.ID()].Swap(true) {
				clash.Add(1)
			}
			inside()
			owner[c.ID()].Store(false)
		}
		var wg sync.WaitGroup
		for i, n := range sizes {
			wg.Go(func() {
				Run(n, func(c *CPU) {
					hold(c, func() {
						if m := nest[(i*6+c.ID())%36]; m > 0 {
							Run(m, func(c *CPU) { hold(c, runtime.Gosched) })
						}
					})
				})
			})
		}
		wg.Wait()
		if clash.Load() > 0 || Live() != 0 {
			t.Fatalf("%d clashes, %d live at the end", clash.Load(), Live())
		}
	})
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		n    int
		body func(*CPU)
		want string
	}{
		{0, func(*CPU) {}, "Run of 0 CPUs"},
		{-3, func(*CPU) {}, "Run of -3 CPUs"},
		{1, nil, "body given false"},
		{MaxCPUs + 1, func(*CPU) {}, "at most 1024"},
	} {
		func() {
			defer func() {
				if s := fmt.Sprint(recover()); !strings.Contains(s, c.want) {
					t.Errorf("Run(%d): panic %q, want %q in it", c.n, s, c.want)
				}
			}()
			Run(c.n, c.body)
		}()
	}
	Run(1, func(*CPU) {
		defer func() {
			if s := fmt.Sprint(recover()); !strings.Contains(s, "beside 1 live") {
				t.Errorf("panic %q, want the live CPUs named", s)
			}
		}()
		Run(MaxCPUs, func(*CPU) { t.Error("a body ran") })
	})
	if Live() != 0 {
		t.Errorf("%d CPUs live after refused Runs", Live())
	}
}

// caught runs f and returns the *PanicError it panics with.
func caught(t *testing.T, f func()) (e *PanicError) {
	t.Helper()
	defer func() {
		t.Helper()
		v := recover()
		if e, _ = v.(*PanicError); e == nil {
			t.Fatalf("panic with %v, want a *PanicError", v)
		}
	}()
	f()
	return nil
}

func explode() { panic(fmt.Errorf("wrapped: %w", io.ErrUnexpectedEOF)) }

func TestPanicReachesCaller(t *testing.T) {
	var others atomic.Int32
	meet := together(4)
	e := caught(t, func() {
		Run(4, func(c *CPU) {
			meet()
			if c.ID() == 2 {
				explode()
			}
			others.Add(1)
		})
	})
	if e.CPU != 2 || !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Errorf("CPU %d, value %v", e.CPU, e.Value)
	}
	for _, want := range []string{"CPU 2", "wrapped: unexpected EOF", "smp.explode"} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("message lacks %q:\n%v", want, e)
		}
	}
	if others.Load() != 3 || Live() != 0 {
		t.Errorf("%d other bodies returned, %d CPUs live", others.Load(), Live())
	}
	if e := caught(t, func() { Run(1, func(*CPU) { panic("text") }) }); e.Unwrap() != nil {
		t.Errorf("a text unwraps to %v", e.Unwrap())
	}
}

func TestGoexitDoesNotHang(t *testing.T) {
	e := caught(t, func() { Run(2, func(c *CPU) { runtime.Goexit() }) })
	if !errors.Is(e, ErrGoexit) || !strings.Contains(string(e.Stack), "TestGoexitDoesNotHang") {
		t.Errorf("got %v", e)
	}
	if Live() != 0 {
		t.Errorf("%d CPUs live", Live())
	}
}

func TestGOMAXPROCS(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	is := func(when string, want int) {
		t.Helper()
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%s: GOMAXPROCS %d, want %d", when, got, want)
		}
	}
	n := before + 4
	meet, nestedOver := together(n), make(chan struct{})
	Run(n, func(c *CPU) {
		is("inside", n+1)
		meet()
		if c.ID() == 0 {
			Run(3, func(*CPU) { is("nested", n+4) })
			is("after the nested Run", n+4)
			close(nestedOver)
		}
		<-nestedOver
	})
	is("restored", before)

	runtime.GOMAXPROCS(before + 10)
	Run(2, func(*CPU) { is("never lowered", before+10) })
	is("left alone", before+10)

	Run(before+20, func(c *CPU) {
		if c.ID() == 0 {
			runtime.GOMAXPROCS(before + 1)
		}
	})
	is("changed by somebody else", before+1)
}

// TestConcurrentRunsRestoreOnce: the Run that ends first must not take the Ps
// away from the other.
func TestConcurrentRunsRestoreOnce(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	firstEnded, bothUp := make(chan struct{}), together(before+1+before+2)
	var wg sync.WaitGroup
	wg.Go(func() {
		Run(before+1, func(*CPU) { bothUp() })
		close(firstEnded)
	})
	wg.Go(func() {
		Run(before+2, func(*CPU) {
			bothUp()
			<-firstEnded
			if got := runtime.GOMAXPROCS(0); got < 2*before+4 {
				t.Errorf("GOMAXPROCS %d with another Run under way", got)
			}
		})
	})
	wg.Wait()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("GOMAXPROCS %d, want %d restored", got, before)
	}
}

func TestRunReturnsAfterAllBodies(t *testing.T) {
	var order []int
	var mu sync.Mutex
	Run(8, func(c *CPU) {
		for range 10 * c.ID() {
			runtime.Gosched()
		}
		mu.Lock()
		order = append(order, c.ID())
		mu.Unlock()
	})
	slices.Sort(order)
	if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5, 6, 7}) {
		t.Errorf("bodies that returned: %v", order)
	}
}

func ExampleRun() {
	var perCPU [2]struct {
		n int
		_ [LinePad]byte
	}
	Run(2, func(c *CPU) {
		for range 1000 {
			perCPU[c.ID()].n++ // the owner alone: no atomic
		}
	})
	fmt.Println(perCPU[0].n + perCPU[1].n)
	// Output: 2000
}
