#!/bin/sh
# Everything that `make results` measures, one step after the other. Called by the
# Makefile, with its variables in the environment:
#
#   SLABBENCH   the command
#   RESULT      results/HOST-COMMIT, the beginning of every file's name
#   COUNT       samples of each case
#   ROUNDS      rounds of the peers
#   LARGE       samples of the cases with ten million objects
#   BENCHTIME   of each sample
#   UNDER       a command to run all under, such as "chrt -r 1"; may be empty
#
# Files get their names together at the end, and the table in README.md is filled in
# when RESULT is in results. A case or a step that fails is said and left out, and
# the exit status is then 1. After Ctrl-C what was measured is in bin/results.
set -u

work=bin/results
base=$(basename "$RESULT")
new=$work/$base
failed=
interrupted=
trap 'interrupted=1' INT

say() { printf 'results: %s\n' "$*" >&2; }

# What the steps measure. Table is large and has steps of its own: a choice of it
# beside the peers, and the largest; so have the others of ten million objects, and
# SpikeIdle, which waits for seconds. Sweep has more threads than there are cores.
million10='Table/./n=10000000|Collector/./n=10000000|Footprint/./././n=10000000'
compare="-bench . -skip Table|Sweep|SpikeIdle|$million10 -compare none,destroy_by_rcu -size 64 -cpu 1,2 -count $COUNT -benchtime $BENCHTIME"
large="-bench SpikeIdle|$million10 -skip Table/././././impl=syncmap -compare none,destroy_by_rcu -size 64 -cpu 2 -count $LARGE -benchtime $BENCHTIME"
lines="-bench SpikeIdle/./././n=1000000\$|StalledReader|GrowShrink -flags destroy_by_rcu -size 64 -count 1 -benchtime $BENCHTIME"
peers="-rounds $ROUNDS -benchtime $BENCHTIME -size 64 -cpu 1,2"

# seconds reads "about 9m30s in all" and prints 570, or 0.
seconds() {
	awk 'match($0, /about [0-9hms.]+ in all/) {
		text = substr($0, RSTART + 6, RLENGTH - 13)
		while (match(text, /^[0-9.]+[hms]/)) {
			unit = substr(text, RLENGTH, 1)
			all += substr(text, 1, RLENGTH - 1) * (unit == "h" ? 3600 : unit == "m" ? 60 : 1)
			text = substr(text, RLENGTH + 1)
		}
	}
	END { print int(all) }'
}

minutes() { awk -v s="$1" 'BEGIN { print s < 90 ? s " seconds" : int(s / 60 + 0.5) " minutes" }'; }

# step NAME FILE COMMAND...: runs a step; FILE is what it must leave.
step() {
	name=$1 left=$2
	shift 2
	test -z "$interrupted" || return
	say "$name"
	"$@"
	status=$?
	test $status != 130 || interrupted=1
	if test $status != 0 && test -z "$interrupted"; then
		failed="$failed, step ${name%%,*}"
		test -s "$left" && say "$name: something failed, see above; the rest of it is kept" ||
			say "$name: failed, without a result"
	fi
}

bench() { # FILE ARGS...
	file=$1
	shift
	$UNDER "$SLABBENCH" "$@" -o "$file" >/dev/null
}

peers() { # FILE ARGS...
	file=$1
	shift
	(cd bench/peers && $UNDER bin/peers "$@" -o "../../$file.txt" >"../../$file.table")
}

set -f # patterns are for slabbench
rm -rf "$work"
mkdir -p "$work" || exit 1
make -s -C bench/peers bin/peers || failed=", peers"

a=$($SLABBENCH -list $compare 2>&1 >/dev/null | seconds)
b=$($SLABBENCH -list $large 2>&1 >/dev/null | seconds)
c=$($SLABBENCH -list $lines 2>&1 >/dev/null | seconds)
d=$( (cd bench/peers && bin/peers -list $peers) 2>&1 >/dev/null | seconds)
test -z "$interrupted" || exit 130
say "about $(minutes $((a + b + c + d))) in all, on a machine that does nothing else"
begin=$(date +%s)

step "1 of 4, our scenarios with and without the flag: about $(minutes "$a")" "$new.txt" bench "$new.txt" $compare
step "2 of 4, ten million objects, and memory that goes back: about $(minutes "$b")" "$new-large.txt" bench "$new-large.txt" $large
step "3 of 4, slabs and limbo over time: about $(minutes "$c")" "$new-time.txt" bench "$new-time.txt" $lines -sample 10ms
step "4 of 4, ours and the peers' in turns: about $(minutes "$d")" "$new-peers.txt" peers "$new-peers" $peers

if test -n "$interrupted"; then
	say "interrupted: what was measured is in $work, and $RESULT as it was"
	exit 130
fi

set +f
files=
for f in "$new.txt" "$new-large.txt" "$new-time.txt" "$new-peers.txt"; do
	test -s "$f" && files="$files $f"
done
test -n "$files" || { say "nothing was measured"; exit 1; }
mkdir -p "$(dirname "$RESULT")" && mv -f $work/"$base"* "$(dirname "$RESULT")"/ || exit 1
files=
for f in "$RESULT.txt" "$RESULT-large.txt" "$RESULT-time.txt" "$RESULT-peers.txt"; do
	test -s "$f" && files="$files $f"
done
$SLABBENCH report -o "$RESULT.html" $files || failed="$failed, report"
rmdir "$work" 2>/dev/null
say "wrote $RESULT* in $(minutes $(($(date +%s) - begin)))"

case $RESULT in
results/*) # and no trial
	if test -s "$RESULT-peers.txt"; then
		$SLABBENCH report -readme README.md "$RESULT-peers.txt" && say "wrote the table in README.md" ||
			failed="$failed, README"
	fi
	;;
esac
test -z "$failed" || { say "not everything went well: ${failed#, }"; exit 1; }
