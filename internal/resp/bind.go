package resp

import (
	"fmt"
	"net"
)

// CheckBind refuses an address that other machines can reach unless there is a password.
func CheckBind(addr, password string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen address %q: want host:port, such as 127.0.0.1:6390", addr)
	}
	ip := net.ParseIP(host)
	if password != "" || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("listening on %s needs a password, or anybody who reaches it reads and writes everything: "+
		"add --resp.password-file FILE (or password_file: FILE in the topology), "+
		"or keep to this machine with --resp.listen-address 127.0.0.1:6390", addr)
}
