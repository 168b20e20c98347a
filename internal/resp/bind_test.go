package resp

import "testing"

func TestCheckBind(t *testing.T) {
	f := func(addr, password string, ok bool) {
		t.Helper()
		if err := CheckBind(addr, password); (err == nil) != ok {
			t.Errorf("%s with %q: %v", addr, password, err)
		}
	}
	f("127.0.0.1:6390", "", true)
	f("[::1]:6390", "", true)
	f("localhost:6390", "", true)
	f(":6390", "", false)
	f("0.0.0.0:6390", "", false)
	f("[::]:6390", "", false)
	f("10.0.0.1:6390", "", false)
	f("node.example:6390", "", false)
	f("10.0.0.1:6390", "secret", true)
	f("nonsense", "secret", false)
}
