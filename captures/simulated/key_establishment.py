"""placeholder"""
def establish(node, hub):
    k=node.han.octets(f"link {hub.name} {node.name}",16)
    from captures.simulated.home import share
    share(node.han,hub,node,k)
    yield node.han.wait(1)
