-- The class of an example, 0, 1, 2, …
CREATE TABLE dbo.example_labels (
    dataset NVARCHAR(128) NOT NULL,
    example_id INT NOT NULL,
    label INT NOT NULL,
    CONSTRAINT PK_example_labels PRIMARY KEY (dataset, example_id)
);
