from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("staff", "0003_sign_in_keys")]

    operations = [migrations.RemoveIndex(model_name="post", name="post_valid")]
