import os
import socket

from lakemint.stack.ports import choose_ports, holder, is_free


def test_a_port_with_a_listener_is_not_free_and_its_holder_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
        assert f"(pid {os.getpid()})" in holder(port)
    assert is_free(port)


def test_a_listener_on_all_addresses_counts() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))  # noqa: S104  as a careless program would
        listener.listen()
        assert not is_free(listener.getsockname()[1])


def test_chosen_ports_are_free_different_and_not_taken() -> None:
    names = [f"p{i}" for i in range(50)]
    first = choose_ports(names, taken=set())
    second = choose_ports(names, taken=set(first.values()))
    assert len(set(first.values()) | set(second.values())) == 100
    assert all(is_free(port) and port < 32_768 for port in first.values())
