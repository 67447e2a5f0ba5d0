-- A node of a network's graph, in the order in which they are computed. The last row of a network with parameters that no node reads has
-- the operator (none). lungdb load-network fills it; lungdb networks --describe does for networks that were loaded before.
CREATE TABLE dbo.network_layers (
    network_id INT NOT NULL,         -- network that it belongs to, in dbo.networks
    position INT NOT NULL,           -- order in which they are computed
    name NVARCHAR(256) NOT NULL,     -- name of the tensor that the node gives, which @Layer takes
    operator NVARCHAR(64) NOT NULL,  -- ONNX operator, such as Conv
    output_shape NVARCHAR(200) NULL, -- shape of the tensor for pictures of the network's size: N is their number, ? a size that depends on
                                     -- values; NULL where unknown
    parameters BIGINT NOT NULL,      -- how many parameters it is the first to read
    CONSTRAINT PK_network_layers PRIMARY KEY (network_id, position),
    CONSTRAINT FK_network_layers_networks FOREIGN KEY (network_id) REFERENCES dbo.networks (network_id) ON DELETE CASCADE,
    CONSTRAINT CK_network_layers_parameters CHECK (parameters >= 0)
);
