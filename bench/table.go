// The table of all scenarios, in the order in which they run.
//
// See doc.go for an overview.

package bench

var table = []*Scenario{
	loop,
	pair,
	batch10k,
	randomLive100k,
	prodCons,
	growShrink,
	readSection,
	synchronize,
	call,
	typesafe,
	churn,
	stalledReader,
	sweep,
	larson,
	xmalloc,
	cacheThrash,
	cacheScratch,
	mstress,
	sh6,
	bulk,
	footprint,
	spikeIdle,
	colour,
	collector,
	oblique,
	tableMap,
}
