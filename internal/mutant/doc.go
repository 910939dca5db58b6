// Package mutant proves that tests have teeth. It is imported by tests alone.
//
// A mutant is the real code with one mechanism taken out: a fence skipped, a
// grace period not waited for, a check inverted. [Run] builds each mutant of a
// table and runs the test that must catch it. There are no hooks in production
// code: the changed file exists only in the mind of the compiler, by the
// -overlay flag of the go command. Test files that the test does not need are left
// out of the build: of kmem's they are most of its time.
//
// A package keeps its table in mutants_test.go, a large one more of them beside what
// they break:
//
//	func TestMutants(t *testing.T) {
//		mutant.Run(t, []mutant.Mutant{{
//			Name:   "pages go before the grace period",
//			File:   "destroy.go",
//			Old:    "if c.flags&DestroyByRCU != 0 {",
//			New:    "if false {",
//			Test:   "^TestTypeStability$",
//			Expect: "foreign object",
//		}})
//	}
//
// The verdicts, of which only the first passes:
//
//	caught    the test failed, and its output matches Expect
//	survived  the test passed, five times: it has no teeth for this
//	rotten    Old is not in File exactly once, or no test matches Test
//	stillborn the changed code does not compile
//	astray    the test failed, but not as Expect says
//	hung      the test ran into Timeout, and HangIsCaught is not set
//
// The same test on the unchanged code is the business of the ordinary lanes.
package mutant
