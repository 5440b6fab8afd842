package zoo;

import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

class ExpandForm {
    private List<@NotBlank @Size(max = 5000) String> expand = new ArrayList<>();

    public List<String> getExpand() { return expand; }
    public void setExpand(List<String> expand) { this.expand = expand; }
}

class AttachForm extends ExpandForm {
    @NotBlank @Size(max = 5000)
    private String customer;

    public String getCustomer() { return customer; }
    public void setCustomer(String customer) { this.customer = customer; }
}

class CustomerForm {
    @Size(max = 512)
    private String email;
    @Size(max = 256)
    private String name;
    @Size(max = 5000)
    private String description;
    private Map<String, String> metadata = new LinkedHashMap<>();

    public String getEmail() { return email; }
    public void setEmail(String email) { this.email = email; }
    public String getName() { return name; }
    public void setName(String name) { this.name = name; }
    public String getDescription() { return description; }
    public void setDescription(String description) { this.description = description; }
    public Map<String, String> getMetadata() { return metadata; }
    public void setMetadata(Map<String, String> metadata) { this.metadata = metadata; }
}

class PaymentMethodForm extends ExpandForm {
    @NotBlank @Pattern(regexp = "card")
    private String type;
    private Map<String, String> card = new LinkedHashMap<>();
    private Map<String, String> metadata = new LinkedHashMap<>();

    public String getType() { return type; }
    public void setType(String type) { this.type = type; }
    public Map<String, String> getCard() { return card; }
    public void setCard(Map<String, String> card) { this.card = card; }
    public Map<String, String> getMetadata() { return metadata; }
    public void setMetadata(Map<String, String> metadata) { this.metadata = metadata; }
}
