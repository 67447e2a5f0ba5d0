-- A node of a network's graph, in the order in which they are computed: the tensor that it gives, which @Layer takes, its ONNX operator,
-- the shape of that tensor for pictures of the network's size with N for their number, ? where a size depends on values, and how many
-- parameters it is the first to read. The last row of a network with parameters that no node reads has the operator (none).
-- lungdb load-network fills it; lungdb networks --describe does for networks that were loaded before.
CREATE TABLE dbo.network_layers (
    network_id INT NOT NULL,
    position INT NOT NULL,
    name NVARCHAR(256) NOT NULL,
    operator NVARCHAR(64) NOT NULL,
    output_shape NVARCHAR(200) NULL,
    parameters BIGINT NOT NULL,
    CONSTRAINT PK_network_layers PRIMARY KEY (network_id, position),
    CONSTRAINT FK_network_layers_networks FOREIGN KEY (network_id) REFERENCES dbo.networks (network_id) ON DELETE CASCADE,
    CONSTRAINT CK_network_layers_parameters CHECK (parameters >= 0)
);
