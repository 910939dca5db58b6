// Which types may be keys. See doc.go for an overview.

package rcumap

import (
	"fmt"
	"reflect"
)

// checkKey refuses keys with floating-point numbers: NaN is not equal to itself,
// so that such an entry could be neither found nor deleted. Go pointers are found
// when the cache is made.
func checkKey[K comparable]() error {
	if path, bad := findFloat(reflect.TypeFor[K](), "key"); bad != nil {
		return fmt.Errorf("%s is a %s, which may be unequal to itself; use math.Float64bits", path, bad)
	}
	return nil
}

// findFloat looks for the first floating-point number in t and returns its path
// and type, or nil.
func findFloat(t reflect.Type, path string) (string, reflect.Type) {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return path, t
	case reflect.Array:
		if t.Len() > 0 {
			return findFloat(t.Elem(), path+"[0]")
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if p, bad := findFloat(t.Field(i).Type, path+"."+t.Field(i).Name); bad != nil {
				return p, bad
			}
		}
	}
	return "", nil
}
