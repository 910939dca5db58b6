// Geometry as text.

package kmem

import (
	"strings"
	"testing"
)

func TestGeometryPicture(t *testing.T) {
	for _, w := range []struct {
		layout string
		size   int
		want   string
	}{
		{"2.6.9", 64, `
2.6.9: 64 bytes as 64 aligned to 8, 61 on 1 page, header and bufctl 168 bytes on the slab, 24 bytes left, 1 colour; arrays of 120 in batches of 60, 480 shared
  4.9% on top of the objects
  page 0  |hbboOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOoOo|
  each character 64 bytes: h header, b bufctl, - padding, o O objects in turn, . left
`},
		{"native", 700, `
native: 700 bytes as 704 aligned to 8, 46 on 8 pages, header and bufctl 48 bytes off the slab, 384 bytes left, 6 colours; arrays of 54 in batches of 27, 216 shared
  1.9% on top of the objects
  page 0  |oooooooooooOOOOOOOOOOOoooooooooooOOOOOOOOOOOoooooooooooOOOOOOOOO|
  page 1  |OOoooooooooooOOOOOOOOOOOoooooooooooOOOOOOOOOOOoooooooooooOOOOOOO|
  page 2  |OOOOoooooooooooOOOOOOOOOOOoooooooooooOOOOOOOOOOOoooooooooooOOOOO|
  page 3  |OOOOOOoooooooooooOOOOOOOOOOOoooooooooooOOOOOOOOOOOoooooooooooOOO|
  and 4 pages more
  each character 64 bytes: o O objects in turn, . left
  header and bufctl in an object of 48 bytes elsewhere
`},
		{"2.6.9", 30000, `
2.6.9: 30000 bytes as 30000 aligned to 8, 1 on 8 pages, header and bufctl 48 bytes on the slab, 2720 bytes left, 42 colours; arrays of 8 in batches of 4, 0 shared
  9.2% on top of the objects
  page 0  |hooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo|
  page 1  |oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo|
  page 2  |oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo|
  page 3  |oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo|
  and 4 pages more
  each character 64 bytes: h header, b bufctl, - padding, o O objects in turn, . left
`},
	} {
		g, err := mustLayout(t, w.layout).Geometry(w.size, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Picture(); got != strings.TrimPrefix(w.want, "\n") {
			t.Errorf("got\n%s\nwant%s", got, w.want)
		}
	}
}

// TestPictureRegions: a picture tells header, bufctl, padding and rest apart.
func TestPictureRegions(t *testing.T) {
	g, err := Layout2_6_9.Geometry(64, 256, 0)
	if err != nil {
		t.Fatal(err)
	}
	row := strings.Split(g.Picture(), "\n")[2]
	if !strings.HasPrefix(row, "  page 0  |hb--ooooOOOO") {
		t.Errorf("got %s", row)
	}
}
