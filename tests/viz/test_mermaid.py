import viz
from autograd_core import Value, scope


def test_a_small_graph_as_mermaid_text():
    a = Value(2.0, "a")
    root = a * 3.0
    root.label = "y"
    assert viz.draw(root).mermaid() == (
        "flowchart LR\n"
        '    n0>"a<br/>data 2<br/>grad –"]:::input\n'
        '    n1["3"]:::constant\n'
        '    n2[["y = ×<br/>data 6<br/>grad –"]]:::output\n'
        '  n0 -->|"3"| n2\n'
        "  n1 -.-> n2\n"
        "  classDef constant fill:#f1f2f3,stroke:#6e7781,color:#1f2328,stroke-dasharray:5 3\n"
        "  classDef input fill:#dff0fb,stroke:#0072b2,color:#1f2328\n"
        "  classDef output fill:#dcf3ea,stroke:#00735c,color:#1f2328\n"
    )


def test_scopes_are_subgraphs_with_escaped_names():
    with scope('a"]b'):
        root = Value(1.0, "x") * 2.0
    assert 'subgraph s0["a#34;#93;b"]' in viz.draw(root).mermaid()


def test_a_label_cannot_leave_its_quotes():
    text = viz.draw(Value(1.0, 'x"]:::evil\n click n0 "javascript:alert(1)"') * 2.0).mermaid()
    assert "click n0" not in text.replace("#", "")[:0] + "".join(
        line for line in text.splitlines() if line.strip().startswith("click")
    )
    assert '"]:::evil' not in text


def test_a_label_cannot_become_a_formula_or_an_icon():
    """Mermaid reads $$...$$ and fa:fa-... even where they are entities; a word joiner parts them."""
    text = viz.draw(Value(1.0, "$$x$$") * Value(2.0, "fa:fa-car")).mermaid()
    assert "#36;#8288;#36;x#36;#8288;#36;" in text
    assert "fa:#8288;fa" in text
