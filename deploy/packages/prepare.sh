# Whoever installs Wharf for the first time gets a user with a password that is on no other machine.
prepare() {
    chown root:wharf /etc/wharf /etc/wharf/wharf.yaml
    chmod 750 /etc/wharf
    chmod 640 /etc/wharf/wharf.yaml
    if [ ! -e /etc/wharf/demo.hash ]; then
        # Half a hash would be there for ever: it gets its name when it is whole.
        (
            umask 077
            head -c 15 /dev/urandom | base64 | tr +/ -_ >/etc/wharf/demo.password &&
                wharf hash-password </etc/wharf/demo.password >/etc/wharf/demo.hash.new &&
                chown root:wharf /etc/wharf/demo.hash.new &&
                chmod 640 /etc/wharf/demo.hash.new &&
                mv /etc/wharf/demo.hash.new /etc/wharf/demo.hash
        )
    fi
}
